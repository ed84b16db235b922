// copy: y = x, to measure the adapter's memory bandwidth
//
//   x, y [size]
//
// A thread copies one vec4; buffers are padded to a multiple of 4 elements. Cost: 8·size bytes.
// Host: bench/ceilings.ts. Test: test/bench/ceilings.test.ts.

struct Sizes { first: u32, end: u32, quads: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn copy(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.quads) { return; }
  y[i] = x[i];
}

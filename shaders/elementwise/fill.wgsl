// fill: y = a constant, given by its bits so that it can be NaN, with which tests poison outputs.
//
//   y [size]
//
// A thread writes one vec4; buffers are padded to a multiple of 4 elements. Cost: 4·size bytes.
// Test: test/kernels/elementwise.test.ts.

struct Sizes { first: u32, end: u32, quads: u32, bits: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read_write> y: array<vec4u>;

@compute @workgroup_size(64)
fn fill(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.quads) { return; }
  y[i] = vec4u(sizes.bits);
}

// tanh_gradient: dx = dy · (1 − y²)
//
//   dy, y, dx [size]
//
// A thread computes one vec4; buffers are padded to a multiple of 4 elements. Cost: 12·size bytes.
// Reference: src/reference/activations.ts. Test: test/kernels/elementwise.test.ts.

struct Sizes { first: u32, end: u32, quads: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> y: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>;

@compute @workgroup_size(64)
fn tanh_gradient(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.quads) { return; }
  dx[i] = dy[i] * (1.0 - y[i] * y[i]);
}

// leaky_relu_gradient: dx = dy where y > 0, slope · dy elsewhere
//
//   dy, y, dx [size]   the output y has the sign of x, so x need not be kept
//
// A thread computes one vec4; buffers are padded to a multiple of 4 elements. Cost: 12·size bytes.
// Reference: src/reference/activations.ts. Test: test/kernels/elementwise.test.ts.

struct Sizes { first: u32, end: u32, quads: u32, slope: f32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> y: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>;

@compute @workgroup_size(64)
fn leaky_relu_gradient(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.quads) { return; }
  dx[i] = select(sizes.slope * dy[i], dy[i], y[i] > vec4f());
}

// scale_by: y = factor · scalar · x, where the scalar is read from a buffer
//
//   x, y [size], scalar [1]
//
// A thread computes one vec4; buffers are padded to a multiple of 4 elements. Cost: 8·size bytes.
// Reference: src/reference/activations.ts. Test: test/kernels/elementwise.test.ts.

struct Sizes { first: u32, end: u32, quads: u32, factor: f32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> scalar: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn scale_by(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.quads) { return; }
  y[i] = sizes.factor * scalar[0].x * x[i];
}

// lerp: y = decay · y + (1 − decay) · x: an exponential moving average
//
//   x, y [size]
//
// A thread computes one vec4; buffers are padded to a multiple of 4 elements. Cost: 12·size bytes.
// Reference: src/reference/ema.ts. Test: test/kernels/elementwise.test.ts.

struct Sizes { first: u32, end: u32, quads: u32, decay: f32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn lerp(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.quads) { return; }
  y[i] = sizes.decay * y[i] + (1.0 - sizes.decay) * x[i];
}

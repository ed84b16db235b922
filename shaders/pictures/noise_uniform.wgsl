// noise_uniform: y[i] = low + (high − low) · u, u uniform in [0, 1), from philox(counter = (i/4, step, 0, 0), key = (seed, purpose)).
//
//   step [.]      the run's step counter is word 0 (as u32); with `at` it counts from there
//   y    [size]
//
// A thread makes the four numbers of one counter. The same bits on every device. Twin: src/random/philox.ts.
// Test: test/kernels/noise.test.ts.

struct Sizes { first: u32, end: u32, quads: u32, seed: u32, purpose: u32, at: u32, low: f32, high: f32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> step: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn noise_uniform(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.quads) { return; }
  let bits = philox(vec4u(i, step[0] + sizes.at, 0u, 0u), vec2u(sizes.seed, sizes.purpose));
  y[i] = sizes.low + (sizes.high - sizes.low) * vec4f(unit(bits.x), unit(bits.y), unit(bits.z), unit(bits.w));
}

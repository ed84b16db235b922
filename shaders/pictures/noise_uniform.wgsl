// noise_uniform: y[i] = low + (high − low) · u, where u is uniform in [0, 1), from philox(counter = (i/4, step, 0, 0),
// key = (seed, purpose)).
//
//   step [.]      word 0 is the run's step counter (u32), to which `at` is added
//   y    [size]
//
// A thread computes the four numbers of one counter. Every device gives the same bits. Cost: 4·size bytes.
// Reference: src/random/philox.ts. Test: test/kernels/noise.test.ts.

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

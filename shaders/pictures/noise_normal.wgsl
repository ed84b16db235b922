// noise_normal: y[i] = stddev · a normal number, redrawn while it is beyond two stddevs (TensorFlow's truncated normal).
//
//   y [size]
//
// Box–Muller from philox(counter = (i, step, attempt, 1), key = (seed, purpose)): one pair per attempt, at most 16 attempts.
// A thread computes one number. log and cos differ between devices in the last bits. Cost: 4·size bytes.
// Reference: src/random/philox.ts. Test: test/kernels/noise.test.ts.

struct Sizes { first: u32, end: u32, size: u32, seed: u32, purpose: u32, step: u32, stddev: f32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn noise_normal(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.size) { return; }
  var normal = 0.0;
  for (var attempt = 0u; attempt < 16u; attempt++) {
    let bits = philox(vec4u(i, sizes.step, attempt, 1u), vec2u(sizes.seed, sizes.purpose));
    // Shifted to (0, 1], so that the logarithm is finite.
    let radius = sqrt(-2.0 * log(unit(bits.x) + 5.9604644775390625e-8));
    // The angle is in [−π, π): only there does WGSL specify the accuracy of cos and sin.
    let turn = unit(bits.y);
    let angle = 6.283185307179586 * select(turn, turn - 1.0, turn >= 0.5);
    normal = radius * cos(angle);
    if (abs(normal) <= 2.0) { break; }
    let other = radius * sin(angle);
    if (abs(other) <= 2.0) { normal = other; break; }
  }
  y[i] = sizes.stddev * clamp(normal, -2.0, 2.0);
}

// adam: one step of Adam over all parameters of one optimiser, in TensorFlow 1's form.
//
//   m = beta1·m + (1 − beta1)·g;  v = beta2·v + (1 − beta2)·g²;  parameter −= rate · m / (√v + epsilon)
//   rate = lr · √(1 − beta2^t) / (1 − beta1^t), computed on the host for each step
//
//   step                       [.]     the step's own values; word rate_at is `rate`
//   gradient, parameter, m, v  [size]  arenas: all parameters of a network, one after the other
//   flag                       [1]     set to 1 if a parameter or its v is no longer finite
//
// A thread updates one vec4 and checks it for NaN and infinity. It checks the bits, since a compiler may assume that there
// are no NaNs: an exponent of all ones is an infinity or a NaN. A non-finite gradient makes v non-finite.
// Cost: 28·size bytes. Source: Kingma & Ba 2015, end of section 2. Reference: src/reference/adam.ts.
// Test: test/kernels/adam.test.ts.

struct Sizes { first: u32, end: u32, quads: u32, rate_at: u32, beta1: f32, beta2: f32, epsilon: f32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> step: array<f32>;
@group(0) @binding(2) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> parameter: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> flag: atomic<u32>;

@compute @workgroup_size(64)
fn adam(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.quads) { return; }
  let g = gradient[i];
  let first = sizes.beta1 * m[i] + (1.0 - sizes.beta1) * g;
  let second = sizes.beta2 * v[i] + (1.0 - sizes.beta2) * g * g;
  m[i] = first;
  v[i] = second;
  let next = parameter[i] - step[sizes.rate_at] * first / (sqrt(second) + sizes.epsilon);
  parameter[i] = next;
  let ones = vec4u(0x7f800000u);
  // The sum is not finite if either term is not.
  if (any((bitcast<vec4u>(next + second) & ones) == ones)) { atomicStore(&flag, 1u); }
}

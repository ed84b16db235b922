// batch_norm_inference: moments to normalise with, from running averages. These start at zero, so a young average is too
// small by the weight that it has accumulated; dividing by the weight corrects that. An average without updates counts as
// mean 0 and variance 1.
//
//   running [3, C]   running mean, (biased) variance, weight
//   moments [3, C]   mean, rstd, variance
//
// A thread computes one column. Cost: 24·C bytes. Source: Adam's bias correction, Kingma & Ba 2015.
// Test: test/kernels/batch_norm.test.ts.

struct Sizes { first: u32, end: u32, C: u32, epsilon: f32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> running: array<f32>;
@group(0) @binding(2) var<storage, read_write> moments: array<f32>;

@compute @workgroup_size(64)
fn batch_norm_inference(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let c = tile * 64u + lane;
  if (c >= sizes.C) { return; }
  let weight = running[2u * sizes.C + c];
  let known = weight > 0.0;
  let divisor = select(1.0, weight, known);
  let variance = select(1.0, running[sizes.C + c] / divisor, known);
  moments[c] = running[c] / divisor;
  moments[sizes.C + c] = 1.0 / sqrt(variance + sizes.epsilon);
  moments[2u * sizes.C + c] = variance;
}

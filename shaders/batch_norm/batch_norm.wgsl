// batch_norm: y = gamma · (x − mean) · rstd + beta, column by column.
//
//   x, y        [rows, C]
//   moments     [3, C]      mean, rstd, variance: the batch's own, or from running averages
//   gamma, beta [C]
//
// A thread computes one element. Cost: 4·rows·C flops, 8·rows·C bytes. Reference: src/reference/batch_norm.ts.
// Test: test/kernels/batch_norm.test.ts.

struct Sizes { first: u32, end: u32, size: u32, C: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> moments: array<f32>;
@group(0) @binding(3) var<storage, read> gamma: array<f32>;
@group(0) @binding(4) var<storage, read> beta: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn batch_norm(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.size) { return; }
  let c = i % sizes.C;
  y[i] = gamma[c] * ((x[i] - moments[c]) * moments[sizes.C + c]) + beta[c];
}

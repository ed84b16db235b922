// batch_norm_running: running = momentum · running + (1 − momentum) · (mean, variance, 1), column by column.
//
//   moments [3, C]   mean, rstd, variance of this batch
//   running [3, C]   running mean, variance and weight, all starting at zero: after t batches the weight is 1 − momentum^t,
//                    by which batch_norm_inference.wgsl corrects a young average
//
// A thread updates one element. Cost: 36·C bytes. Reference: src/reference/ema.ts. Test: test/kernels/batch_norm.test.ts.

struct Sizes { first: u32, end: u32, C: u32, momentum: f32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> moments: array<f32>;
@group(0) @binding(2) var<storage, read_write> running: array<f32>;

@compute @workgroup_size(64)
fn batch_norm_running(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= 3u * sizes.C) { return; }
  // Row 0 takes the mean, row 1 the variance (row 2 of moments), row 2 the constant 1.
  let row = i / sizes.C;
  let batch = select(moments[min(row * 2u, 2u) * sizes.C + i % sizes.C], 1.0, row == 2u);
  running[i] = sizes.momentum * running[i] + (1.0 - sizes.momentum) * batch;
}

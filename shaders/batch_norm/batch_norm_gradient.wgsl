// batch_norm_gradient: dx = gamma · rstd · (dy − dbeta/rows − x̂ · dgamma/rows), through the batch's own statistics.
//
//   dy, x   [rows, C]
//   moments [3, C]   mean, rstd, variance of the batch
//   gamma   [C]
//   sums    [2, C]   dgamma = Σ dy·x̂, dbeta = Σ dy
//   dx      [rows, C]
//
// x̂ = (x − mean) · rstd; expanding the product would cancel. A thread computes one element. Cost: 12·rows·C bytes.
// Source: Ioffe & Szegedy 2015, section 3. Reference: src/reference/batch_norm.ts. Test: test/kernels/batch_norm.test.ts.

struct Sizes { first: u32, end: u32, size: u32, C: u32, rows: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> moments: array<f32>;
@group(0) @binding(4) var<storage, read> gamma: array<f32>;
@group(0) @binding(5) var<storage, read> sums: array<f32>;
@group(0) @binding(6) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn batch_norm_gradient(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.size) { return; }
  let c = i % sizes.C;
  let rstd = moments[sizes.C + c];
  let x_hat = (x[i] - moments[c]) * rstd;
  let rows = f32(sizes.rows);
  dx[i] = gamma[c] * rstd * (dy[i] - sums[sizes.C + c] / rows - x_hat * (sums[c] / rows));
}

// dense_rows: y[n,k] = bias[k] + Σ_c x[n,c] · weight[c,k] for very few columns K: the logit layer, whose depth C is long
// and whose single column would leave most of a GEMM tile idle.
//
//   x [N,C], weight [C,K], bias [K], y [N,K]
//
// A workgroup computes one y[n,k]: each of its 64 threads sums every 64th c, then a tree adds the 64 sums, always in the
// same order. Cost: 2·N·C·K flops. Reference: src/reference/dense.ts. Test: test/kernels/dense.test.ts.

struct Sizes { first: u32, end: u32, C: u32, K: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn dense_rows(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let k = tile % sizes.K;
  let n = tile / sizes.K;
  var sum = 0.0;
  for (var c = lane; c < sizes.C; c += 64u) { sum += x[n * sizes.C + c] * weight[c * sizes.K + k]; }
  sums[lane] = sum;
  for (var half = 32u; half > 0u; half /= 2u) {
    // Every sum of the previous round has been written.
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u) { y[tile] = sums[0] + bias[k]; }
}

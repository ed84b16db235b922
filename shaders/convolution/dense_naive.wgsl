// dense_naive: y[n,k] = bias[k] + Σ_c x[n,c] · weight[c,k], one thread per output. The baseline.
//
//   x [N,C], weight [C,K], bias [K], y [N,K]
//
// Cost: 2·N·C·K flops. Reference: src/reference/dense.ts. Test: test/kernels/dense.test.ts.

struct Sizes { first: u32, end: u32, N: u32, C: u32, K: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn dense_naive(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.N * sizes.K) { return; }
  let k = i % sizes.K;
  let n = i / sizes.K;
  var sum = 0.0;
  for (var c = 0u; c < sizes.C; c++) { sum += x[n * sizes.C + c] * weight[c * sizes.K + k]; }
  y[i] = sum + bias[k];
}

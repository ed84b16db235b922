// dense_input_gradient_naive: dx[n,c] = Σ_k dy[n,k] · weight[c,k], one thread per output. The baseline, and the
// fastest kernel for very few columns K (the logit layer has one), where there is almost nothing to sum.
//
//   dy [N,K], weight [C,K], dx [N,C]
//
// Cost: 2·N·C·K flops. Reference: src/reference/dense.ts. Test: test/kernels/dense.test.ts.

struct Sizes { first: u32, end: u32, N: u32, C: u32, K: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn dense_input_gradient_naive(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.N * sizes.C) { return; }
  let c = i % sizes.C;
  let n = i / sizes.C;
  var sum = 0.0;
  for (var k = 0u; k < sizes.K; k++) { sum += dy[n * sizes.K + k] * weight[c * sizes.K + k]; }
  dx[i] = sum;
}

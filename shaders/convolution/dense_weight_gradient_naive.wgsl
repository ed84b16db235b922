// dense_weight_gradient_naive: dweight[c,k] = (accumulate ? dweight[c,k] : 0) + Σ_n x[n,c] · dy[n,k], one thread per
// weight. The baseline, and the kernel used for very few columns K (the logit layer has one).
//
//   x [N,C], dy [N,K], dweight [C,K]
//
// Cost: 2·N·C·K flops. Reference: src/reference/dense.ts. Test: test/kernels/dense.test.ts.

struct Sizes { first: u32, end: u32, N: u32, C: u32, K: u32, accumulate: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dweight: array<f32>;

@compute @workgroup_size(64)
fn dense_weight_gradient_naive(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.C * sizes.K) { return; }
  let k = i % sizes.K;
  let c = i / sizes.K;
  var sum = 0.0;
  for (var n = 0u; n < sizes.N; n++) { sum += x[n * sizes.C + c] * dy[n * sizes.K + k]; }
  if (sizes.accumulate != 0u) { sum += dweight[i]; }
  dweight[i] = sum;
}

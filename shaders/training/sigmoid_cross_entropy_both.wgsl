// sigmoid_cross_entropy_both: the mean cross-entropy of each group of logits with its target, the mean score, and the
// gradient of the sum of those mean losses, in one pass: sigmoid_cross_entropy.wgsl and its gradient fused, for a loss
// without other terms. Joined with log1p.wgsl.
//
//   x      [groups, N]   logits; the targets of the groups are first_target and second_target
//   losses [groups, 2]   mean loss, mean σ(x)
//   dx     [groups, N]   (σ(x) − t) / N
//
// A workgroup computes one group: each of its 64 threads sums every 64th logit, then a tree adds the 64 sums.
// Cost: 8·groups·N bytes. Reference: src/reference/sigmoid_cross_entropy.ts.
// Test: test/kernels/sigmoid_cross_entropy.test.ts.

struct Sizes { first: u32, end: u32, N: u32, first_target: f32, second_target: f32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> losses: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

var<workgroup> sums: array<vec2f, 64>;

@compute @workgroup_size(64)
fn sigmoid_cross_entropy_both(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let wanted = select(sizes.second_target, sizes.first_target, tile == 0u);
  let N = f32(sizes.N);
  var sum = vec2f();
  for (var n = lane; n < sizes.N; n += 64u) {
    let i = tile * sizes.N + n;
    let e = exp(-abs(x[i]));
    let score = select(e, 1.0, x[i] >= 0.0) / (1.0 + e);
    sum += vec2f(max(x[i], 0.0) - x[i] * wanted + log1p(e), score);
    dx[i] = (score - wanted) / N;
  }
  sums[lane] = sum;
  for (var half = 32u; half > 0u; half /= 2u) {
    // Every sum of the previous round has been written.
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u) {
    losses[2u * tile] = sums[0].x / N;
    losses[2u * tile + 1u] = sums[0].y / N;
  }
}

// relativistic_loss: logits compared with their opposites: the mean loss of each group, which wants real above fake pair by
// pair, the mean score σ(x), and the gradient with respect to x alone. Joined with log1p.wgsl.
//
//   x        [groups, N]   logits; a group's sign (first_sign, second_sign) is +1 if they should be above, −1 if below
//   opposite [groups, N]   constants: x[g, n] is paired with opposite[groups − 1 − g, n], so that one tensor of real and
//                          fake logits can be its own opposite
//   losses   [groups, 2]   share · mean loss, mean σ(x)
//   dx       [groups, N]   −sign · σ(−m) / N
//
//   m = sign · (x − opposite)    loss = log(1 + exp(−m)) = max(−m, 0) + log1p(exp(−|m|))
//
// A workgroup computes one group: each of its 64 threads sums every 64th logit, then a tree adds the 64 sums.
// Cost: 12·groups·N bytes. Reference: src/reference/relativistic_loss.ts. Test: test/kernels/adversarial_losses.test.ts.

struct Sizes { first: u32, end: u32, N: u32, groups: u32, first_sign: f32, second_sign: f32, share: f32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> opposite: array<f32>;
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

var<workgroup> sums: array<vec2f, 64>;

@compute @workgroup_size(64)
fn relativistic_loss(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let sign = select(sizes.second_sign, sizes.first_sign, tile == 0u);
  let N = f32(sizes.N);
  let paired = (sizes.groups - 1u - tile) * sizes.N;
  var sum = vec2f();
  for (var n = lane; n < sizes.N; n += 64u) {
    let i = tile * sizes.N + n;
    let score_e = exp(-abs(x[i]));
    let score = select(score_e, 1.0, x[i] >= 0.0) / (1.0 + score_e);
    let m = sign * (x[i] - opposite[paired + n]);
    let e = exp(-abs(m));
    sum += vec2f(max(-m, 0.0) + log1p(e), score);
    dx[i] = -sign * (select(e, 1.0, m <= 0.0) / (1.0 + e)) / N;
  }
  sums[lane] = sum;
  for (var half = 32u; half > 0u; half /= 2u) {
    // Every sum of the previous round has been written.
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u) {
    losses[2u * tile] = sizes.share * (sums[0].x / N);
    losses[2u * tile + 1u] = sums[0].y / N;
  }
}

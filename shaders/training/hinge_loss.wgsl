// hinge_loss: the mean hinge loss of each group of logits, its mean score σ(x), and the gradient of the sum of those mean
// losses, in one pass.
//
//   x      [groups, N]   logits; a group's sign (first_sign, second_sign) is +1 if they should be real, −1 if fake
//   losses [groups, 2]   mean loss, mean σ(x)
//   dx     [groups, N]
//
//   bounded (D)     loss = max(0, 1 − sign·x)   dx = −sign / N where sign·x < 1, 0 elsewhere
//   otherwise (G)   loss = −sign·x              dx = −sign / N
//
// A workgroup computes one group: each of its 64 threads sums every 64th logit, then a tree adds the 64 sums.
// Cost: 8·groups·N bytes. Reference: src/reference/hinge_loss.ts. Test: test/kernels/adversarial_losses.test.ts.

struct Sizes { first: u32, end: u32, N: u32, first_sign: f32, second_sign: f32, bounded: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> losses: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

var<workgroup> sums: array<vec2f, 64>;

@compute @workgroup_size(64)
fn hinge_loss(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let sign = select(sizes.second_sign, sizes.first_sign, tile == 0u);
  let N = f32(sizes.N);
  var sum = vec2f();
  for (var n = lane; n < sizes.N; n += 64u) {
    let i = tile * sizes.N + n;
    let e = exp(-abs(x[i]));
    let score = select(e, 1.0, x[i] >= 0.0) / (1.0 + e);
    var loss = -sign * x[i];
    var slope = -sign;
    if (sizes.bounded != 0u) {
      loss = max(0.0, 1.0 + loss);
      slope = select(0.0, slope, loss > 0.0);
    }
    sum += vec2f(loss, score);
    dx[i] = slope / N;
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

// sigmoid_cross_entropy: the mean over N logits of −t·log σ(x) − (1−t)·log(1−σ(x)), and the mean score σ(x).
//
//   x    [N]   logits
//   loss [2]   mean loss, mean σ(x)
//
//   loss = max(x, 0) − x·t + log1p(exp(−|x|)), which never overflows; the target t includes label smoothing
//
// One workgroup: each of its 64 threads sums every 64th logit, then a tree adds the 64 sums. Joined with log1p.wgsl.
// Cost: 4·N bytes. Reference: src/reference/sigmoid_cross_entropy.ts. Test: test/kernels/sigmoid_cross_entropy.test.ts.

struct Sizes { first: u32, end: u32, N: u32, target_value: f32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;

var<workgroup> sums: array<vec2f, 64>;

@compute @workgroup_size(64)
fn sigmoid_cross_entropy(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  var sum = vec2f();
  for (var i = lane; i < sizes.N; i += 64u) {
    let e = exp(-abs(x[i]));
    let score = select(e, 1.0, x[i] >= 0.0) / (1.0 + e);
    sum += vec2f(max(x[i], 0.0) - x[i] * sizes.target_value + log1p(e), score);
  }
  sums[lane] = sum;
  for (var half = 32u; half > 0u; half /= 2u) {
    // Every sum of the previous round has been written.
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u) {
    loss[0] = sums[0].x / f32(sizes.N);
    loss[1] = sums[0].y / f32(sizes.N);
  }
}

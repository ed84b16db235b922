// sigmoid_cross_entropy_gradient: dx = dloss[0] · (σ(x) − t) / N
//
//   x     [N]   logits
//   dloss [2]   the gradient of (loss, score); the score is only reported, so its gradient is ignored
//   dx    [N]
//
// A thread computes one element. Cost: 8·N bytes. Reference: src/reference/sigmoid_cross_entropy.ts.
// Test: test/kernels/sigmoid_cross_entropy.test.ts.

struct Sizes { first: u32, end: u32, N: u32, target_value: f32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dloss: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn sigmoid_cross_entropy_gradient(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.N) { return; }
  let e = exp(-abs(x[i]));
  let score = select(e, 1.0, x[i] >= 0.0) / (1.0 + e);
  dx[i] = dloss[0] * (score - sizes.target_value) / f32(sizes.N);
}

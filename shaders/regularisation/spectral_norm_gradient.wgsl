// spectral_norm_gradient: dx[r,k] = (dy[r,k] − inner · v[r] · u[k]) / sigma: the gradient of y = x / sigma, where
// sigma = vᵀ x u with u and v constant, and inner = Σ dy·y.
//
//   dy, dx       [rows, columns]   dx is added to if `accumulate`
//   inner, sigma [1]
//   v [rows], u [columns]
//
// A thread computes one element. Cost: 4·rows·columns flops, 8·rows·columns bytes.
// Reference: src/reference/spectral_norm.ts. Test: test/kernels/spectral_norm.test.ts.

struct Sizes { first: u32, end: u32, size: u32, columns: u32, accumulate: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> inner: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> u: array<f32>;
@group(0) @binding(5) var<storage, read> sigma: array<f32>;
@group(0) @binding(6) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn spectral_norm_gradient(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.size) { return; }
  var value = (dy[i] - inner[0] * (v[i / sizes.columns] * u[i % sizes.columns])) / sigma[0];
  if (sizes.accumulate != 0u) { value += dx[i]; }
  dx[i] = value;
}

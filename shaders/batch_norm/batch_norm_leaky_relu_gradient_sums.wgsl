// batch_norm_leaky_relu_gradient_sums: Σ g and Σ g · x̂ of each column over one chunk of rows, in one pass, where
// g = dy masked by the leaky ReLU and x̂ = (x − mean) · rstd; batch_norm_leaky_relu_gradient.wgsl adds up the chunks.
//
//   dy, x   [groups·rows, C]
//   applied [groups, 4, C]          mean, rstd, gamma, beta of the forward pass
//   partial [groups·chunks, 2, C]   (Σ g·x̂, Σ g), group after group
//
// The mask is the sign of gamma · x̂ + beta, recomputed from x, which is read anyway; y has the same sign, but reading it
// would cost four more bytes per element, here and in dx. Where rounding decides the sign, it may differ from the forward
// pass's; the result is then the gradient at an x that differs by a rounding error.
// A thread sums one column of one chunk. Cost: 8 bytes per element. Reference: src/reference/batch_norm.ts,
// src/reference/activations.ts. Test: test/kernels/batch_norm.test.ts.

struct Sizes {
  first: u32, end: u32,
  rows: u32, C: u32, chunk: u32, chunks_here: u32, groups: u32, first_group: u32, first_chunk: u32,
  slope: f32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> applied: array<f32>;
@group(0) @binding(4) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64)
fn batch_norm_leaky_relu_gradient_sums(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  let C = sizes.C;
  if (i >= sizes.groups * sizes.chunks_here * C) { return; }
  let c = i % C;
  let chunk = i / C;
  let saved = (sizes.first_group + chunk / sizes.chunks_here) * 4u * C + c;
  let mean = applied[saved];
  let rstd = applied[saved + C];
  let gamma = applied[saved + 2u * C];
  let beta = applied[saved + 3u * C];

  let group_row = chunk / sizes.chunks_here * sizes.rows;
  let first = group_row + chunk % sizes.chunks_here * sizes.chunk;
  let end = min(first + sizes.chunk, group_row + sizes.rows);
  var sum_scaled = 0.0;
  var sum = 0.0;
  for (var row = first; row < end; row++) {
    let at = row * C + c;
    let x_hat = (x[at] - mean) * rstd;
    let g = select(sizes.slope * dy[at], dy[at], gamma * x_hat + beta > 0.0);
    sum_scaled += g * x_hat;
    sum += g;
  }
  let at = (sizes.first_chunk + chunk) * 2u * C + c;
  partial[at] = sum_scaled;
  partial[at + C] = sum;
}

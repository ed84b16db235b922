// batch_norm_leaky_relu_gradient: dx = gamma · rstd · (g − Σg/n − x̂ · Σg·x̂/n) for each group, where g is dy masked by the
// leaky ReLU, as in batch_norm_leaky_relu_gradient_sums.wgsl; dgamma (+)= Σ g·x̂ and dbeta (+)= Σ g over all groups.
//
//   dy, x   [groups·rows, C]
//   applied [groups, 4, C]          mean, rstd, gamma, beta of the forward pass
//   partial [groups·chunks, 2, C]   (Σ g·x̂, Σ g), from batch_norm_leaky_relu_gradient_sums.wgsl
//   dx      [groups·rows, C]
//   dgamma  [C]                     added to if accumulate_dgamma
//   dbeta   [C]                     added to if accumulate_dbeta
//
// n is the number of rows in a group. A thread computes one column of one chunk of rows, after adding up its group's chunks
// in order; repeating that in every chunk's thread costs less than a dispatch, as in batch_norm_leaky_relu.wgsl.
// Cost: 12 + 2 bytes per element. Source: Ioffe & Szegedy 2015, section 3. Reference: src/reference/batch_norm.ts,
// src/reference/activations.ts. Test: test/kernels/batch_norm.test.ts.

struct Sizes {
  first: u32, end: u32,
  rows: u32, C: u32, chunk: u32, chunks_here: u32, groups: u32, first_group: u32, first_piece: u32,
  chunks: u32, all_groups: u32, n: u32, accumulate_dgamma: u32, accumulate_dbeta: u32,
  slope: f32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> applied: array<f32>;
@group(0) @binding(4) var<storage, read> partial: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<storage, read_write> dgamma: array<f32>;
@group(0) @binding(7) var<storage, read_write> dbeta: array<f32>;

// (Σ g·x̂, Σ g) of column c over the chunks [first, end).
fn sums_of(first: u32, end: u32, c: u32) -> vec2f {
  var sums = vec2f();
  for (var i = first; i < end; i++) {
    let at = i * 2u * sizes.C + c;
    sums += vec2f(partial[at], partial[at + sizes.C]);
  }
  return sums;
}

@compute @workgroup_size(64)
fn batch_norm_leaky_relu_gradient(
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
  let group = sizes.first_group + chunk / sizes.chunks_here;
  let shares = sums_of(group * sizes.chunks, (group + 1u) * sizes.chunks, c) / f32(sizes.n);

  // Only one of the column's threads writes the values that exist once per column.
  if (sizes.first_piece != 0u && group == 0u && chunk == 0u) {
    var totals = sums_of(0u, sizes.all_groups * sizes.chunks, c);
    if (sizes.accumulate_dgamma != 0u) { totals.x += dgamma[c]; }
    if (sizes.accumulate_dbeta != 0u) { totals.y += dbeta[c]; }
    dgamma[c] = totals.x;
    dbeta[c] = totals.y;
  }

  let saved = group * 4u * C + c;
  let mean = applied[saved];
  let rstd = applied[saved + C];
  let gamma = applied[saved + 2u * C];
  let beta = applied[saved + 3u * C];
  let group_row = chunk / sizes.chunks_here * sizes.rows;
  let first = group_row + chunk % sizes.chunks_here * sizes.chunk;
  let end = min(first + sizes.chunk, group_row + sizes.rows);
  for (var row = first; row < end; row++) {
    let at = row * C + c;
    let x_hat = (x[at] - mean) * rstd;
    let g = select(sizes.slope * dy[at], dy[at], gamma * x_hat + beta > 0.0);
    dx[at] = gamma * rstd * (g - shares.y - x_hat * shares.x);
  }
}

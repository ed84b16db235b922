// batch_norm_merge: merges the chunks' (mean, M2) in order, by Chan's formula, into what normalising needs.
//
//   partial [chunks, 2, C]   from batch_norm_statistics.wgsl
//   counts  rows of each chunk: `chunk`, but the last of every piece of the batch, which has `last`
//   moments [3, C]           mean, rstd = 1/√(variance + epsilon), variance (biased: M2 / rows)
//
//   Chan et al. 1979:  δ = mean_b − mean_a;  mean = mean_a + δ·n_b/n;  M2 = M2_a + M2_b + δ²·n_a·n_b/n
//
// A thread merges one column. Cost: about 10·chunks·C flops. Twin: src/reference/batch_norm.ts.
// Test: test/kernels/batch_norm.test.ts.

struct Sizes {
  first: u32, end: u32,
  C: u32, chunks: u32, chunk: u32, last: u32, chunks_a_piece: u32, last_of_all: u32,
  epsilon: f32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> moments: array<f32>;

@compute @workgroup_size(64)
fn batch_norm_merge(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let c = tile * 64u + lane;
  if (c >= sizes.C) { return; }
  var mean = 0.0;
  var m2 = 0.0;
  var count = 0.0;
  for (var i = 0u; i < sizes.chunks; i++) {
    var rows = sizes.chunk;
    if (i % sizes.chunks_a_piece == sizes.chunks_a_piece - 1u) { rows = sizes.last; }
    if (i == sizes.chunks - 1u) { rows = sizes.last_of_all; }
    let n = f32(rows);
    let delta = partial[i * 2u * sizes.C + c] - mean;
    let share = n / (count + n);
    m2 += partial[(i * 2u + 1u) * sizes.C + c] + delta * delta * count * share;
    mean += delta * share;
    count += n;
  }
  let variance = m2 / count;
  moments[c] = mean;
  moments[sizes.C + c] = 1.0 / sqrt(variance + sizes.epsilon);
  moments[2u * sizes.C + c] = variance;
}

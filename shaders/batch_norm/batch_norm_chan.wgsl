// batch_norm_chan: merges the chunks' (mean, M2) of one column of one group, in order, by Chan's formula. A fragment,
// joined to the kernels that need a column's statistics; they declare `sizes` and `partial`.
//
//   partial [groups·chunks, 2, C]   from batch_norm_statistics.wgsl
//   Every chunk has `chunk` rows, except the last of each piece of the group (`last`) and of the group (`last_of_all`).
//
//   Chan et al. 1979:  δ = mean_b − mean_a;  mean = mean_a + δ·n_b/n;  M2 = M2_a + M2_b + δ²·n_a·n_b/n
//
// Cost: about 10·chunks flops per column. Reference: src/reference/batch_norm.ts. Test: test/kernels/batch_norm.test.ts.

// (mean, biased variance) of column c.
fn merged_statistics(group: u32, c: u32) -> vec2f {
  var mean = 0.0;
  var m2 = 0.0;
  var count = 0.0;
  for (var i = 0u; i < sizes.chunks; i++) {
    let ends_piece = i % sizes.chunks_a_piece == sizes.chunks_a_piece - 1u;
    let rows = select(select(sizes.chunk, sizes.last, ends_piece), sizes.last_of_all, i == sizes.chunks - 1u);
    let n = f32(rows);
    let at = (group * sizes.chunks + i) * 2u * sizes.C + c;
    let delta = partial[at] - mean;
    let share = n / (count + n);
    m2 += partial[at + sizes.C] + delta * delta * count * share;
    mean += delta * share;
    count += n;
  }
  return vec2f(mean, m2 / count);
}

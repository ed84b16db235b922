// batch_norm_statistics: the mean and the sum of squared deviations (M2) of each column over one chunk of rows: the first
// half of batch-norm's statistics. The second half is batch_norm_merge.wgsl, or batch_norm_leaky_relu.wgsl, which also
// normalises.
//
//   x       [groups·rows, C]
//   partial [groups·chunks, 2, C]   (mean, M2) of each chunk, group after group; chunk i of a group is its rows
//                                   [i·chunk, (i+1)·chunk)
//
// Each group has its own statistics (D's real and fake halves), so no chunk spans two groups.
// Two passes over the chunk, with deviations from the chunk's own mean: E[x²] − E[x]² would cancel where the mean is large.
// A thread computes one column of one chunk. Cost: 4·groups·rows·C flops. Reference: src/reference/batch_norm.ts.
// Test: test/kernels/batch_norm.test.ts.

struct Sizes { first: u32, end: u32, rows: u32, C: u32, chunk: u32, chunks: u32, groups: u32, first_chunk: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64)
fn batch_norm_statistics(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.groups * sizes.chunks * sizes.C) { return; }
  let c = i % sizes.C;
  let chunk = i / sizes.C;
  let group_row = chunk / sizes.chunks * sizes.rows;
  let first = group_row + chunk % sizes.chunks * sizes.chunk;
  let end = min(first + sizes.chunk, group_row + sizes.rows);
  var sum = 0.0;
  for (var row = first; row < end; row++) { sum += x[row * sizes.C + c]; }
  let mean = sum / f32(end - first);
  var m2 = 0.0;
  for (var row = first; row < end; row++) {
    let deviation = x[row * sizes.C + c] - mean;
    m2 += deviation * deviation;
  }
  let at = (sizes.first_chunk + chunk) * 2u * sizes.C + c;
  partial[at] = mean;
  partial[at + sizes.C] = m2;
}

// column_sum: partial[i,c] = Σ x[row,c] over the rows of chunk i: the first half of summing columns (a bias gradient);
// reduce_splits.wgsl adds up the chunks. With few rows there is only one chunk, and partial is the sum itself.
//
//   x       [rows, columns]
//   partial [chunks, columns]   chunk i is rows [i·chunk, (i+1)·chunk); added to if `accumulate`
//
// A thread sums one column of one chunk; neighbouring threads take neighbouring columns. Cost: rows·columns flops.
// Reference: src/reference/reduce.ts. Test: test/kernels/reduce.test.ts.

struct Sizes { first: u32, end: u32, rows: u32, columns: u32, chunk: u32, chunks: u32, accumulate: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64)
fn column_sum(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.chunks * sizes.columns) { return; }
  let c = i % sizes.columns;
  let first = i / sizes.columns * sizes.chunk;
  let end = min(first + sizes.chunk, sizes.rows);
  var sum = 0.0;
  for (var row = first; row < end; row++) { sum += x[row * sizes.columns + c]; }
  if (sizes.accumulate != 0u) { sum += partial[i]; }
  partial[i] = sum;
}

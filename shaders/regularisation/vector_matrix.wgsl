// vector_matrix: partial[i,k] = Σ x[row] · matrix[row,k] over the rows of chunk i: a row vector times a matrix.
// normalise.wgsl adds up the chunks.
//
//   x       [rows]
//   matrix  [rows, columns]
//   partial [chunks, columns]   chunk i is rows [i·chunk, (i+1)·chunk)
//
// A thread sums one column of one chunk; neighbouring threads take neighbouring columns. Cost: 2·rows·columns flops.
// Reference: src/reference/spectral_norm.ts. Test: test/kernels/spectral_norm.test.ts.

struct Sizes { first: u32, end: u32, rows: u32, columns: u32, chunk: u32, chunks: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> matrix: array<f32>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64)
fn vector_matrix(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.chunks * sizes.columns) { return; }
  let k = i % sizes.columns;
  let first = i / sizes.columns * sizes.chunk;
  let end = min(first + sizes.chunk, sizes.rows);
  var sum = 0.0;
  for (var row = first; row < end; row++) { sum += x[row] * matrix[row * sizes.columns + k]; }
  partial[i] = sum;
}

// batch_norm_gradient_sums: dbeta = Σ dy and dgamma = Σ dy · x̂ of each column over one chunk of rows, in one pass;
// reduce_splits.wgsl adds up the chunks. x̂ = (x − mean) · rstd.
//
//   dy, x   [rows, C]
//   moments [3, C]           mean, rstd, variance of the batch
//   partial [chunks, 2, C]   (Σ dy·x̂, Σ dy) of rows [i·chunk, (i+1)·chunk)
//
// A thread sums one column of one chunk. Cost: 4·rows·C flops. Reference: src/reference/batch_norm.ts.
// Test: test/kernels/batch_norm.test.ts.

struct Sizes { first: u32, end: u32, rows: u32, C: u32, chunk: u32, chunks: u32, first_chunk: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> moments: array<f32>;
@group(0) @binding(4) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64)
fn batch_norm_gradient_sums(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.chunks * sizes.C) { return; }
  let c = i % sizes.C;
  let chunk = i / sizes.C;
  let first = chunk * sizes.chunk;
  let end = min(first + sizes.chunk, sizes.rows);
  let mean = moments[c];
  let rstd = moments[sizes.C + c];
  var dgamma = 0.0;
  var dbeta = 0.0;
  for (var row = first; row < end; row++) {
    let upstream = dy[row * sizes.C + c];
    dgamma += upstream * ((x[row * sizes.C + c] - mean) * rstd);
    dbeta += upstream;
  }
  let at = (sizes.first_chunk + chunk) * 2u * sizes.C + c;
  partial[at] = dgamma;
  partial[at + sizes.C] = dbeta;
}

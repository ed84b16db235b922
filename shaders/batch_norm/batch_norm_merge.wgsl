// batch_norm_merge: merges the chunks' statistics into the moments to normalise with. Joined with batch_norm_chan.wgsl.
//
//   partial [chunks, 2, C]   from batch_norm_statistics.wgsl
//   moments [3, C]           mean, rstd = 1/√(variance + epsilon), variance (biased: M2 / rows)
//
// A thread merges one column. Cost: about 10·chunks·C flops. Reference: src/reference/batch_norm.ts.
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
  let statistics = merged_statistics(0u, c);
  moments[c] = statistics.x;
  moments[sizes.C + c] = 1.0 / sqrt(statistics.y + sizes.epsilon);
  moments[2u * sizes.C + c] = statistics.y;
}

// batch_norm_leaky_relu: y = leaky_relu(gamma · (x − mean) · rstd + beta) with the batch's own statistics. Also merges the
// chunks' statistics, updates the running averages, and saves what the backward pass needs. Joined with
// batch_norm_chan.wgsl.
//
//   x       [groups·rows, C]
//   partial [groups·chunks, 2, C]   from batch_norm_statistics.wgsl
//   gamma   [C]
//   beta    [C]
//   y       [groups·rows, C]
//   applied [groups, 4, C]          mean, rstd = 1/√(variance + epsilon), gamma, beta
//   running [3, C]                  mean, variance, weight, updated with group 0's statistics: see batch_norm_running.wgsl
//
// A thread computes one column of one chunk of rows, after merging all chunks of its group. The threads of all chunks repeat
// the same merge, but a chunk has about four times as many rows as there are chunks, so that this adds only a quarter to a
// thread's memory traffic and saves a dispatch. Cost: 8 + 2 bytes per element.
// Reference: src/reference/batch_norm.ts, src/reference/activations.ts. Test: test/kernels/batch_norm.test.ts.

struct Sizes {
  first: u32, end: u32,
  rows: u32, C: u32, chunk: u32, chunks_here: u32, groups: u32, first_group: u32, first_piece: u32,
  chunks: u32, last: u32, chunks_a_piece: u32, last_of_all: u32,
  epsilon: f32, momentum: f32, slope: f32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> partial: array<f32>;
@group(0) @binding(3) var<storage, read> gamma: array<f32>;
@group(0) @binding(4) var<storage, read> beta: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(0) @binding(6) var<storage, read_write> applied: array<f32>;
@group(0) @binding(7) var<storage, read_write> running: array<f32>;

fn move_average(i: u32, batch: f32) {
  running[i] = sizes.momentum * running[i] + (1.0 - sizes.momentum) * batch;
}

@compute @workgroup_size(64)
fn batch_norm_leaky_relu(
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
  let statistics = merged_statistics(group, c);
  let mean = statistics.x;
  let rstd = 1.0 / sqrt(statistics.y + sizes.epsilon);
  let scale = gamma[c];
  let shift = beta[c];

  // Only one of the column's threads writes the values that exist once per group.
  if (sizes.first_piece != 0u && chunk % sizes.chunks_here == 0u) {
    let at = group * 4u * C + c;
    applied[at] = mean;
    applied[at + C] = rstd;
    applied[at + 2u * C] = scale;
    applied[at + 3u * C] = shift;
    if (group == 0u) {
      move_average(c, mean);
      move_average(C + c, statistics.y);
      move_average(2u * C + c, 1.0);
    }
  }

  let group_row = chunk / sizes.chunks_here * sizes.rows;
  let first = group_row + chunk % sizes.chunks_here * sizes.chunk;
  let end = min(first + sizes.chunk, group_row + sizes.rows);
  for (var row = first; row < end; row++) {
    let at = row * C + c;
    let normalised = scale * ((x[at] - mean) * rstd) + shift;
    y[at] = select(sizes.slope * normalised, normalised, normalised > 0.0);
  }
}

// reduce_splits: y[i] = (accumulate ? y[i] : 0) + Σ_s partial[s, at + i]
//
//   partial [splits, stride]   `size` elements of each split are summed, starting at `at`
//   y       [size]
//
// Adds up partial sums, always in the order of s, so that a repeated run gives the same bits. A thread computes one y[i].
// Cost: splits·size flops, (splits + 1)·size·4 bytes. Reference: src/reference/reduce.ts (columnSum).
// Test: test/kernels/reduce.test.ts.

struct Sizes { first: u32, end: u32, splits: u32, size: u32, accumulate: u32, stride: u32, at: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn reduce_splits(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }
  let i = tile * 64u + lane;
  if (i >= sizes.size) { return; }
  var sum = 0.0;
  for (var s = 0u; s < sizes.splits; s++) { sum += partial[s * sizes.stride + sizes.at + i]; }
  if (sizes.accumulate != 0u) { sum += y[i]; }
  y[i] = sum;
}

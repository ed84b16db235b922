// dot_product: partial[i] = Σ a·b over chunk i, one partial sum per workgroup; reduce_splits.wgsl adds up several chunks.
//
//   a, b    [size]
//   partial [chunks]   chunk i is elements [i·chunk, (i+1)·chunk)
//
// Each of a workgroup's 64 threads sums every 64th product of the chunk, then a tree adds the 64 sums, always in the same
// order. Cost: 2·size flops. Reference: src/reference/reduce.ts. Test: test/kernels/reduce.test.ts.

struct Sizes { first: u32, end: u32, size: u32, chunk: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn dot_product(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let first = tile * sizes.chunk;
  let end = min(first + sizes.chunk, sizes.size);
  var sum = 0.0;
  for (var i = first + lane; i < end; i += 64u) { sum += a[i] * b[i]; }
  sums[lane] = sum;
  for (var half = 32u; half > 0u; half /= 2u) {
    // Every sum of the previous round has been written.
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u) { partial[tile] = sums[0]; }
}

// augment_sums: partial[n,i] = the sum of picture n over chunk i of its pixels, from which augment.wgsl computes contrast's
// mean.
//
//   x          [N,size,size,3]   dy for the transpose, where only pixels that D sees count
//   parameters [.]               of Augmentation; picture n's is at row + n
//   partial    [N,chunks]        chunk i is pixels [i·chunk, (i+1)·chunk)
//
// Each of a workgroup's 64 threads sums every 64th pixel of the chunk, then a tree adds the 64 sums, always in the same
// order. Cost: 1 flop per element. Reference: src/reference/augment.ts. Test: test/kernels/augment.test.ts.

struct Sizes { first: u32, end: u32, size: u32, row: u32, transposed: u32, chunk: u32, chunks: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> parameters: array<Augmentation>;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn augment_sums(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let n = tile / sizes.chunks;
  let a = parameters[sizes.row + n];
  let pixels = sizes.size * sizes.size;
  let first = tile % sizes.chunks * sizes.chunk;
  let end = min(first + sizes.chunk, pixels);
  var sum = 0.0;
  for (var i = first + lane; i < end; i += 64u) {
    let counts = (sizes.transposed == 0u) | is_seen(a, vec2i(vec2u(i / sizes.size, i % sizes.size)), sizes.size);
    let at = 3u * (n * pixels + i);
    sum += select(0.0, x[at] + x[at + 1u] + x[at + 2u], counts);
  }
  sums[lane] = sum;
  for (var half = 32u; half > 0u; half /= 2u) {
    // Every sum of the previous round has been written.
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u) { partial[tile] = sums[0]; }
}

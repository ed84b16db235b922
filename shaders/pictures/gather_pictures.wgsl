// gather_pictures: y[n,h,w,c] = pixels[index[n], h, w or mirrored w, c] / 127.5 − 1
//
//   pixels [count,size,size,3] u8, packed into words, little-endian
//   step   [.]               word index_at + n: picture n's index, with the highest bit set to mirror it
//   y      [N,size,size,3]
//
// A thread computes one element. Cost: 1 byte read and 4 written per element. Reference: src/reference/pictures.ts.
// Test: test/kernels/pictures.test.ts.

struct Sizes { first: u32, end: u32, N: u32, size: u32, index_at: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> pixels: array<u32>;
@group(0) @binding(2) var<storage, read> step: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn gather_pictures(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  let line = sizes.size * 3u;
  if (i >= sizes.N * sizes.size * line) { return; }
  let c = i % 3u;
  let w = i % line / 3u;
  let h = i / line % sizes.size;
  let entry = step[sizes.index_at + i / (line * sizes.size)];
  let from_w = select(w, sizes.size - 1u - w, entry >= 0x80000000u);
  // The picture's offset is counted in words, since a byte index may exceed 2³².
  let picture = entry & 0x7fffffffu;
  let bytes = sizes.size * line;
  let within = h * line + from_w * 3u + c;
  // bytes is a multiple of 4 for every even size.
  let word = pixels[picture * (bytes / 4u) + within / 4u];
  let value = (word >> (within % 4u * 8u)) & 0xffu;
  y[i] = f32(value) / 127.5 - 1.0;
}

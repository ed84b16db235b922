// pack_pictures: pixels = (x/2 + 1/2) · 255, rounded to the nearest byte and clamped to 0 … 255
//
//   x      [N,size,size,3]      in [−1, 1]
//   pixels [N,size,size,3] u8   packed into words, little-endian; bytes after the last picture are 0
//
// The inverse of gather_pictures.wgsl. A thread writes one word, four bytes. Cost: 4 bytes read and 1 written per element.
// Reference: src/reference/pictures.ts. Test: test/kernels/pictures.test.ts.

struct Sizes { first: u32, end: u32, count: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> pixels: array<u32>;

fn byte(value: f32) -> u32 {
  return u32(clamp(floor((value * 0.5 + 0.5) * 255.0 + 0.5), 0.0, 255.0));
}

@compute @workgroup_size(64)
fn pack_pictures(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  var word = 0u;
  for (var k = 0u; k < 4u; k++) {
    let at = i * 4u + k;
    if (at < sizes.count) { word |= byte(x[at]) << (k * 8u); }
  }
  if (i * 4u < sizes.count) { pixels[i] = word; }
}

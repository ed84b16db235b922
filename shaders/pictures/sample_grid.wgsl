// sample_grid: pictures side by side as one RGBA image, with gaps between and around them.
//
//   x    [N,size,size,3] in [−1, 1]
//   rgba [height,width]    one word a pixel, red in the lowest byte
//
// A thread writes one pixel. Gaps and cells without a picture are dark grey. Twin: src/reference/pictures.ts.
// Test: test/kernels/pictures.test.ts.

struct Sizes { first: u32, end: u32, N: u32, size: u32, columns: u32, gap: u32, width: u32, height: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> rgba: array<u32>;

fn byte(value: f32) -> u32 {
  return u32(clamp(floor((value * 0.5 + 0.5) * 255.0 + 0.5), 0.0, 255.0));
}

@compute @workgroup_size(64)
fn sample_grid(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.width * sizes.height) { return; }
  let pitch = sizes.size + sizes.gap;
  // Left of the first gap, or above it, this wraps around to a huge number, which is in no cell either.
  let u = i % sizes.width - sizes.gap;
  let v = i / sizes.width - sizes.gap;
  let n = v / pitch * sizes.columns + u / pitch;
  let inside =
    u / pitch < sizes.columns && v < sizes.height && u % pitch < sizes.size && v % pitch < sizes.size && n < sizes.N;
  var colour = 0xff1b1818u;
  if (inside) {
    let at = ((n * sizes.size + v % pitch) * sizes.size + u % pitch) * 3u;
    colour = 0xff000000u | (byte(x[at + 2u]) << 16u) | (byte(x[at + 1u]) << 8u) | byte(x[at]);
  }
  rgba[i] = colour;
}

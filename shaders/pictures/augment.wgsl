// augment: y = x as D sees it: its colours changed, then the picture shifted, then a square cut out; or the transpose.
//
//   colour(pixel) = k·s·pixel + k·(1 − s)·grey + (1 − k)·mean + offset·brightness       s saturation, k contrast
//   y[at]  = colour(x[at − shift]) where D sees the picture at `at`, 0 elsewhere
//   dx[at] = colour(dy[at + shift]), with dy = 0 where D does not see it, and without brightness: colour is symmetric
//
//   x, y       [N,size,size,3]   dy and dx for the transpose
//   parameters [.]               of Augmentation; picture n's is at row + n
//   partial    [N,chunks]        from augment_sums.wgsl; `mean` is their total per element. With chunks = 0 the mean is 0
//
// `grey` is the mean of a pixel's channels. Without colour (s = k = 1) nothing is rounded. A thread computes one pixel.
// Cost: 24 bytes per pixel. Reference: src/reference/augment.ts. Test: test/kernels/augment.test.ts.

struct Sizes { first: u32, end: u32, N: u32, size: u32, row: u32, transposed: u32, chunks: u32, offset: f32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> parameters: array<Augmentation>;
@group(0) @binding(3) var<storage, read> partial: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn augment(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  let pixels = sizes.size * sizes.size;
  if (i >= sizes.N * pixels) { return; }
  let n = i / pixels;
  let a = parameters[sizes.row + n];
  let transposed = sizes.transposed != 0u;
  let here = vec2i(vec2u(i / sizes.size % sizes.size, i % sizes.size));
  let source = here + select(-a.shift, a.shift, transposed);
  let seen = is_seen(a, select(here, source, transposed), sizes.size);

  var total = 0.0;
  for (var chunk = 0u; chunk < sizes.chunks; chunk++) { total += partial[n * sizes.chunks + chunk]; }
  let mean = total / f32(3u * pixels);
  let at = 3u * (n * pixels + select(0u, u32(source.x) * sizes.size + u32(source.y), seen));
  let pixel = select(vec3f(), vec3f(x[at], x[at + 1u], x[at + 2u]), seen);
  let grey = (pixel.x + pixel.y + pixel.z) / 3.0;
  let k = a.contrast;
  let rest = k * (1.0 - a.saturation) * grey + (1.0 - k) * mean + sizes.offset * a.brightness;
  // Outside the picture and in the cut-out D sees grey (0), which the colour changes do not affect.
  let colour = select(vec3f(), k * a.saturation * pixel + rest, seen | transposed);
  y[3u * i] = colour.x;
  y[3u * i + 1u] = colour.y;
  y[3u * i + 2u] = colour.z;
}

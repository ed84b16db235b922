// show_grid: packed pictures (pack_pictures.wgsl) as a grid on a canvas of the grid's size.
//
//   grid                            how it is laid out and coloured, from src/data/grid.ts
//   pixels [count,size,size,3] u8   packed into words, little-endian
//
// One triangle covers the canvas. A fragment finds its own pixel of its own picture; what belongs to none is gap.
// Test: test/page/grid_view.test.ts.

struct Grid { count: u32, size: u32, columns: u32, gap: u32, colour: vec4f }

@group(0) @binding(0) var<uniform> grid: Grid;
@group(0) @binding(1) var<storage, read> pixels: array<u32>;

@vertex
fn corner(@builtin(vertex_index) i: u32) -> @builtin(position) vec4f {
  return vec4f(f32(i & 1u) * 4.0 - 1.0, f32(i >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}

fn byte(i: u32) -> u32 {
  return (pixels[i / 4u] >> (i % 4u * 8u)) & 0xffu;
}

@fragment
fn show_grid(@builtin(position) position: vec4f) -> @location(0) vec4f {
  let at = vec2u(position.xy);
  let pitch = grid.size + grid.gap;
  // In the left and top margins, subtracting the gap would wrap around.
  if (min(at.x, at.y) < grid.gap) { return grid.colour; }
  let cell = (at - grid.gap) / pitch;
  let within = (at - grid.gap) % pitch;
  let n = cell.y * grid.columns + cell.x;
  let inside = max(within.x, within.y) < grid.size && cell.x < grid.columns && n < grid.count;
  if (!inside) { return grid.colour; }
  let i = ((n * grid.size + within.y) * grid.size + within.x) * 3u;
  return vec4f(vec3f(vec3u(byte(i), byte(i + 1u), byte(i + 2u))) / 255.0, 1.0);
}

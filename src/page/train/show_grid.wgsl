// show_grid: a grid of pictures, as sample_grid leaves it, onto a canvas of the same size.
//
//   extent [2]             width, height in pixels
//   rgba   [height,width]  one word a pixel, red in the lowest byte
//
// One triangle covers the canvas; a fragment reads its own pixel. Test: test/page/grid_view.test.ts.

@group(0) @binding(0) var<uniform> extent: vec4u;
@group(0) @binding(1) var<storage, read> rgba: array<u32>;

@vertex
fn corner(@builtin(vertex_index) i: u32) -> @builtin(position) vec4f {
  return vec4f(f32(i & 1u) * 4.0 - 1.0, f32(i >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}

@fragment
fn show_grid(@builtin(position) at: vec4f) -> @location(0) vec4f {
  let pixel = min(vec2u(at.xy), extent.xy - 1u);
  return unpack4x8unorm(rgba[pixel.y * extent.x + pixel.x]);
}

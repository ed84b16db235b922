// line_rows_vec4: line_rows_f32.wgsl for channel counts that are multiples of 4: four (s,c) are of one pixel, so they lie in
// one vec4, and all inside of the picture's line or all outside.
//
// Joined after conv2d_filter_gradient_lines.wgsl and storage_vec4.wgsl.

fn load_rows(part: Part, pixel: Walk, row: u32, left: u32) -> vec4f {
  let i = pixel.a + i32(row);
  let inside = (i >= pixel.first) & (i < pixel.end);
  return select(vec4f(), a[select(0u, u32(i), inside) >> 2u], inside);
}

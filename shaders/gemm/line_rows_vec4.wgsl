// line_rows_vec4: line_rows_f32.wgsl for channel counts that are multiples of 4: four (s,c) belong to one pixel, so they are
// one vec4, which lies entirely inside or outside the picture's line.
//
// Joined after conv2d_filter_gradient_lines.wgsl and storage_vec4.wgsl.

fn load_rows(part: Part, pixel: Walk, row: u32, left: u32) -> vec4f {
  let i = pixel.a + i32(row);
  let inside = (i >= pixel.first) & (i < pixel.end);
  return select(vec4f(), a[select(0u, u32(i), inside) >> 2u], inside);
}

// line_rows_f32: loads four of a thread's rows, consecutive (s,c) of a filter line, at one pixel, one value at a time: for
// any channel count. Values outside the picture's line are zero.
//
// Joined after conv2d_filter_gradient_lines.wgsl and storage_f32.wgsl or storage_f32_vec4.wgsl.

fn number(pixel: Walk, i: i32, wanted: bool) -> f32 {
  let inside = wanted & (i >= pixel.first) & (i < pixel.end);
  return number_a(u32(i), inside);
}

fn load_rows(part: Part, pixel: Walk, row: u32, left: u32) -> vec4f {
  let i = pixel.a + i32(row);
  return vec4f(
    number(pixel, i, left > 0u),
    number(pixel, i + 1, left > 1u),
    number(pixel, i + 2, left > 2u),
    number(pixel, i + 3, left > 3u),
  );
}

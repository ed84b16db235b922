// offsets_f32: loads a row of A from its offset, one element at a time. Joined after storage_f32.wgsl for readers whose rows
// are offsets (conv2d_input_gradient.wgsl); readers by lines define their own load_a_or_zero or load_rows.

// A negative offset is a tap on the padding, which reads as zeros.
fn load_a_or_zero(offset: i32, d: u32, left: u32) -> vec4f {
  let i = u32(offset) + d;
  let inside = select(0u, left, offset >= 0);
  return vec4f(
    number_a(i, inside > 0u),
    number_a(i + 1u, inside > 1u),
    number_a(i + 2u, inside > 2u),
    number_a(i + 3u, inside > 3u),
  );
}

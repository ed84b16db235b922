// offsets_f32: a row of A by its offset, element by element; joined after storage_f32.wgsl where a reader's rows are offsets
// (conv2d_input_gradient.wgsl). Readers by lines bring a way of their own.

// A negative offset is a tap on the padding: zeros, whatever the memory holds.
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

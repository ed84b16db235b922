// storage_f32: operands of a GEMM read one element at a time, for any channel count (above all RGB's 3).
//
// `left` is the number of elements left in this row; those beyond are zero.

@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;

// An index that must not be read becomes 0, so that every read stays inside the buffer.
fn number_a(i: u32, inside: bool) -> f32 {
  return select(0.0, a[select(0u, i, inside)], inside);
}

fn number_b(i: u32, inside: bool) -> f32 {
  return select(0.0, b[select(0u, i, inside)], inside);
}

fn load_b(offset: u32, left: u32) -> vec4f {
  return vec4f(
    number_b(offset, left > 0u),
    number_b(offset + 1u, left > 1u),
    number_b(offset + 2u, left > 2u),
    number_b(offset + 3u, left > 3u),
  );
}

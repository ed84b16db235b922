// storage_f32_vec4: A read one element at a time, B as vec4: for RGB's 3 channels in and a multiple of 4 out.
//
// An offset in B counts elements and is a multiple of 4; see storage_vec4.wgsl.

@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;

// An index that must not be read becomes 0, so that every read stays inside the buffer.
fn number_a(i: u32, inside: bool) -> f32 {
  return select(0.0, a[select(0u, i, inside)], inside);
}

fn load_b(offset: u32, left: u32) -> vec4f {
  return b[offset >> 2u];
}

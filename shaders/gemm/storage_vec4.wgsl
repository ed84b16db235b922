// storage_vec4: operands of a GEMM read as vec4, for channel counts that are multiples of 4.
//
// An offset counts elements and is a multiple of 4. `left`, the number of elements left in the row, matters only to
// storage_f32.wgsl: the micro-kernels never ask for a vec4 outside the buffer.

@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;

fn load_a(offset: u32, left: u32) -> vec4f {
  return a[offset >> 2u];
}

fn load_b(offset: u32, left: u32) -> vec4f {
  return b[offset >> 2u];
}

// A negative offset is a tap on the padding, which reads as zeros.
fn load_a_or_zero(offset: i32, d: u32, left: u32) -> vec4f {
  return select(vec4f(), a[(u32(max(offset, 0)) + d) >> 2u], offset >= 0);
}

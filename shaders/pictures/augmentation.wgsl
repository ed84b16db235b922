// augmentation: what augment_parameters.wgsl draws for a picture, and which of its pixels D sees. A fragment, joined to
// the augment shaders. Twin: src/reference/augment.ts. Test: test/kernels/augment.test.ts.

struct Augmentation {
  brightness: f32, // is added
  saturation: f32, // factor of a pixel's deviation from its own grey
  contrast: f32,   // factor of a pixel's deviation from the picture's mean
  cut_size: i32,   // side of the square that is cut out, 0 for none
  shift: vec2i,    // rows down, columns to the right
  cut: vec2i,      // the square's first row and column; it may reach over the edges
}

// Whether D sees, at this row and column, a pixel of the picture: one that was moved there and is not cut out.
fn is_seen(a: Augmentation, at: vec2i, size: u32) -> bool {
  // As u32 what is negative is huge.
  let on_frame = all(vec2u(at) < vec2u(size));
  let from_picture = all(vec2u(at - a.shift) < vec2u(size));
  let cut_out = all(vec2u(at - a.cut) < vec2u(u32(a.cut_size)));
  return on_frame & from_picture & !cut_out;
}

// augmentation: the random changes of one picture, as drawn by augment_parameters.wgsl, and which of its pixels D sees. A
// fragment, joined to the augment shaders. Reference: src/reference/augment.ts. Test: test/kernels/augment.test.ts.

struct Augmentation {
  brightness: f32, // added to every element
  saturation: f32, // factor of a pixel's deviation from its own grey
  contrast: f32,   // factor of an element's deviation from the picture's mean
  cut_size: i32,   // side of the cut-out square, 0 for none
  shift: vec2i,    // rows down, columns to the right
  cut: vec2i,      // the square's first row and column; it may extend past the edges
}

// Whether D sees a pixel of the picture at this row and column: one that was shifted there and is not cut out.
fn is_seen(a: Augmentation, at: vec2i, size: u32) -> bool {
  // Cast to u32, a negative number is huge, so one comparison checks both ends.
  let on_frame = all(vec2u(at) < vec2u(size));
  let from_picture = all(vec2u(at - a.shift) < vec2u(size));
  let cut_out = all(vec2u(at - a.cut) < vec2u(u32(a.cut_size)));
  return on_frame & from_picture & !cut_out;
}

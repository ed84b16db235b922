// log1p: log(1 + y) for 0 <= y <= 1. A fragment, joined to the loss kernels.
//
// log(1.0 + y) loses a small y entirely. With u = 1 + y rounded, log(u)·y/(u − 1) undoes that rounding (Kahan). Near u = 1
// log itself is imprecise on some drivers, so a series takes over. Test: test/kernels/sigmoid_cross_entropy.test.ts.

fn log1p(y: f32) -> f32 {
  if (y < 0.03125) { return y * (1.0 - y * (0.5 - y * (0.33333334 - y * (0.25 - y * 0.2)))); }
  let u = 1.0 + y;
  return log(u) * y / (u - 1.0);
}

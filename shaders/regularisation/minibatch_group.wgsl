// minibatch_group: a group of pictures, for the kernels of the minibatch standard deviation, which it is joined to; they
// declare sizes and x.
//
//   x [groups · G, H,W,C]   M = H·W·C numbers a picture; group g is pictures [g·G, (g+1)·G)

struct Column { at: u32, mean: f32, sigma: f32 }

// Number m of a group's pictures: where the first one's lies, their mean, and sqrt(variance + 1e-8).
fn column(group: u32, m: u32) -> Column {
  let at = group * sizes.G * sizes.M + m;
  let G = f32(sizes.G);
  var sum = 0.0;
  for (var n = 0u; n < sizes.G; n++) { sum += x[at + n * sizes.M]; }
  let mean = sum / G;
  var squares = 0.0;
  for (var n = 0u; n < sizes.G; n++) {
    let z = x[at + n * sizes.M] - mean;
    squares += z * z;
  }
  return Column(at, mean, sqrt(squares / G + 1e-8));
}

var<workgroup> sums: array<f32, 256>;

// The sum of what the 256 threads bring, as a tree, always in the same order; for all of them.
fn sum_of_all(lane: u32, value: f32) -> f32 {
  // The result of the call before is read.
  workgroupBarrier();
  sums[lane] = value;
  for (var half = 128u; half > 0u; half /= 2u) {
    // The sums of the round before are all written.
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  workgroupBarrier();
  return sums[0];
}

// minibatch_group: the statistics of a group of pictures. A fragment, joined to the kernels of the minibatch standard
// deviation, which declare sizes and x.
//
//   x [groups · G, H,W,C]   M = H·W·C elements per picture; group g is pictures [g·G, (g+1)·G)
//
// A column is element m of each of the group's G pictures. Reference: src/reference/minibatch_stddev.ts.
// Test: test/kernels/minibatch_stddev.test.ts.

struct Column { at: u32, mean: f32, sigma: f32 }

// Column m of a group: the offset of its first element, its mean, and sqrt(variance + 1e-8).
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

// The sum of the 256 threads' values, returned to all of them. Added as a tree, always in the same order.
fn sum_of_all(lane: u32, value: f32) -> f32 {
  // All threads have read the previous call's result.
  workgroupBarrier();
  sums[lane] = value;
  for (var half = 128u; half > 0u; half /= 2u) {
    // Every sum of the previous round has been written.
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  workgroupBarrier();
  return sums[0];
}

// normalise: y = x / max(‖x‖, 1e-12), where x = Σ_s partial[s]: a vector of length 1.
//
//   partial [splits, size]
//   y       [size]
//
// One workgroup: each of its 256 threads sums every 256th element and adds up their squares, then a tree adds the 256 sums,
// always in the same order. Cost: (splits + 3)·size flops. Reference: src/reference/spectral_norm.ts.
// Test: test/kernels/spectral_norm.test.ts.

struct Sizes { first: u32, end: u32, splits: u32, size: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

var<workgroup> squares: array<f32, 256>;

@compute @workgroup_size(256)
fn normalise(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  var squared = 0.0;
  for (var i = lane; i < sizes.size; i += 256u) {
    var x = 0.0;
    for (var s = 0u; s < sizes.splits; s++) { x += partial[s * sizes.size + i]; }
    y[i] = x;
    squared += x * x;
  }
  squares[lane] = squared;
  for (var half = 128u; half > 0u; half /= 2u) {
    // Every sum of the previous round has been written.
    workgroupBarrier();
    if (lane < half) { squares[lane] += squares[lane + half]; }
  }
  // The sum has been written.
  workgroupBarrier();
  let norm = max(sqrt(squares[0]), 1e-12);
  // A thread divides only elements that it wrote itself, so no barrier is needed.
  for (var i = lane; i < sizes.size; i += 256u) { y[i] = y[i] / norm; }
}

// smooth_filter: y = ¼ · the full convolution of each filter with a 2×2 box.
//
//   x [R,S,C,K]
//   y [R+1,S+1,C,K]
//
// All phases of a stride-2 transposed convolution with y have the same sum, which prevents checkerboard artefacts.
// A thread computes one element. Cost: 4 flops per element. Reference: src/reference/smooth_filter.ts.
// Test: test/kernels/smooth_filter.test.ts.

struct Sizes { first: u32, end: u32, R: u32, S: u32, CK: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn tap(r: u32, s: u32, ck: u32) -> f32 {
  // Before the first row or column the index wraps to a huge number.
  if (r >= sizes.R || s >= sizes.S) { return 0.0; }
  return x[(r * sizes.S + s) * sizes.CK + ck];
}

@compute @workgroup_size(64)
fn smooth_filter(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= (sizes.R + 1u) * (sizes.S + 1u) * sizes.CK) { return; }
  let ck = i % sizes.CK;
  let s = i / sizes.CK % (sizes.S + 1u);
  let r = i / (sizes.CK * (sizes.S + 1u));
  y[i] = 0.25 * (tap(r, s, ck) + tap(r - 1u, s, ck) + tap(r, s - 1u, ck) + tap(r - 1u, s - 1u, ck));
}

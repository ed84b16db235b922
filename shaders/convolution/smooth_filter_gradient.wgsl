// smooth_filter_gradient: dx[r,s] = ¼ · (dy[r,s] + dy[r+1,s] + dy[r,s+1] + dy[r+1,s+1]), the transpose of smooth_filter.
//
//   dy [R+1,S+1,C,K]
//   dx [R,S,C,K]       added to if `accumulate`
//
// A thread computes one element. Cost: 4 flops per element. Reference: src/reference/smooth_filter.ts.
// Test: test/kernels/smooth_filter.test.ts.

struct Sizes { first: u32, end: u32, R: u32, S: u32, CK: u32, accumulate: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn smooth_filter_gradient(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.R * sizes.S * sizes.CK) { return; }
  let ck = i % sizes.CK;
  let s = i / sizes.CK % sizes.S;
  let r = i / (sizes.CK * sizes.S);
  let line = (sizes.S + 1u) * sizes.CK;
  let at = r * line + s * sizes.CK + ck;
  var sum = 0.25 * (dy[at] + dy[at + sizes.CK] + dy[at + line] + dy[at + line + sizes.CK]);
  if (sizes.accumulate != 0u) { sum += dx[i]; }
  dx[i] = sum;
}

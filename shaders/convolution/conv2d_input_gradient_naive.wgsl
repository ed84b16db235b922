// conv2d_input_gradient_naive: conv2d's input gradient (= transposed conv2d) written as its formula, one thread
// per output. The baseline; the shapes and bindings are those of conv2d_input_gradient.wgsl.
//
//   dx[n,h,w,c] = bias[c] + Σ_{r,s,k} dy[n,p,q,k] · weight[r,s,c,k]   with h = p·stride + r − pad_top, w likewise
//
// It visits all R·S taps, although at stride 2 only a quarter of them reach an output; the fast kernel's phases visit only
// those. Cost: 2·N·P·Q·K·R·S·C flops. Reference: src/reference/conv2d.ts, src/reference/transposed_conv2d.ts.
// Test: test/kernels/conv2d.test.ts.

struct Sizes {
  first: u32, end: u32,
  N: u32, H: u32, W: u32, C: u32,
  R: u32, S: u32, K: u32, stride: u32,
  P: u32, Q: u32, pad_top: u32, pad_left: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(64)
fn conv2d_input_gradient_naive(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.N * sizes.H * sizes.W * sizes.C) { return; }
  let c = i % sizes.C;
  let w = i / sizes.C % sizes.W;
  let h = i / (sizes.C * sizes.W) % sizes.H;
  let n = i / (sizes.C * sizes.W * sizes.H);
  var sum = 0.0;
  for (var r = 0u; r < sizes.R; r++) {
    // Above the picture this wraps to a huge number, which the same comparison rejects.
    let from_top = h + sizes.pad_top - r;
    let p = from_top / sizes.stride;
    if (from_top % sizes.stride != 0u || p >= sizes.P || h + sizes.pad_top < r) { continue; }
    for (var s = 0u; s < sizes.S; s++) {
      let from_left = w + sizes.pad_left - s;
      let q = from_left / sizes.stride;
      if (from_left % sizes.stride != 0u || q >= sizes.Q || w + sizes.pad_left < s) { continue; }
      for (var k = 0u; k < sizes.K; k++) {
        sum += dy[((n * sizes.P + p) * sizes.Q + q) * sizes.K + k] * weight[((r * sizes.S + s) * sizes.C + c) * sizes.K + k];
      }
    }
  }
  dx[i] = sum + bias[c];
}

// conv2d_naive: conv2d written as its formula, one thread per output. The baseline; the shapes and bindings are those of
// conv2d.wgsl.
//
//   y[n,p,q,k] = bias[k] + Σ_{r,s,c} x[n, p·stride + r − pad_top, q·stride + s − pad_left, c] · weight[r,s,c,k]
//
// Every multiply-add loads two floats, so it is bound by memory. Cost: 2·N·P·Q·K·R·S·C flops.
// Reference: src/reference/conv2d.ts. Test: test/kernels/conv2d.test.ts.

struct Sizes {
  first: u32, end: u32,
  N: u32, H: u32, W: u32, C: u32,
  R: u32, S: u32, K: u32, stride: u32,
  P: u32, Q: u32, pad_top: u32, pad_left: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn conv2d_naive(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.N * sizes.P * sizes.Q * sizes.K) { return; }
  let k = i % sizes.K;
  let q = i / sizes.K % sizes.Q;
  let p = i / (sizes.K * sizes.Q) % sizes.P;
  let n = i / (sizes.K * sizes.Q * sizes.P);
  var sum = 0.0;
  for (var r = 0u; r < sizes.R; r++) {
    // Above the picture this wraps to a huge number, which the same comparison rejects.
    let h = p * sizes.stride + r - sizes.pad_top;
    if (h >= sizes.H) { continue; }
    for (var s = 0u; s < sizes.S; s++) {
      let w = q * sizes.stride + s - sizes.pad_left;
      if (w >= sizes.W) { continue; }
      for (var c = 0u; c < sizes.C; c++) {
        sum += x[((n * sizes.H + h) * sizes.W + w) * sizes.C + c] * weight[((r * sizes.S + s) * sizes.C + c) * sizes.K + k];
      }
    }
  }
  y[i] = sum + bias[k];
}

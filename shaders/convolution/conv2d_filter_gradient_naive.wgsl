// conv2d_filter_gradient_naive: conv2d's filter gradient written as its formula, one thread per weight. The baseline:
// few threads with very long sums. conv2d_filter_gradient.wgsl lists the shapes, and splits the sum.
//
//   dweight[r,s,c,k] = Σ_{n,p,q} x[n, p·stride + r − pad_top, q·stride + s − pad_left, c] · dy[n,p,q,k]
//
// Cost: 2·N·P·Q·K·R·S·C flops. Reference: src/reference/conv2d.ts. Test: test/kernels/conv2d.test.ts.

struct Sizes {
  first: u32, end: u32,
  N: u32, H: u32, W: u32, C: u32,
  R: u32, S: u32, K: u32, stride: u32,
  P: u32, Q: u32, pad_top: u32, pad_left: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dweight: array<f32>;

@compute @workgroup_size(64)
fn conv2d_filter_gradient_naive(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.R * sizes.S * sizes.C * sizes.K) { return; }
  let k = i % sizes.K;
  let c = i / sizes.K % sizes.C;
  let s = i / (sizes.K * sizes.C) % sizes.S;
  let r = i / (sizes.K * sizes.C * sizes.S);
  var sum = 0.0;
  for (var n = 0u; n < sizes.N; n++) {
    for (var p = 0u; p < sizes.P; p++) {
      // Above the picture this wraps to a huge number, which the same comparison rejects.
      let h = p * sizes.stride + r - sizes.pad_top;
      if (h >= sizes.H) { continue; }
      for (var q = 0u; q < sizes.Q; q++) {
        let w = q * sizes.stride + s - sizes.pad_left;
        if (w >= sizes.W) { continue; }
        sum += x[((n * sizes.H + h) * sizes.W + w) * sizes.C + c] * dy[((n * sizes.P + p) * sizes.Q + q) * sizes.K + k];
      }
    }
  }
  dweight[i] = sum;
}

// minibatch_stddev_curvature: the gradients of Σ u · dx with respect to dy and x, where dx is minibatch_stddev_gradient's:
// a gradient penalty's backward pass. Joined with minibatch_group.wgsl.
//
//   u, x, ddx [groups · G, H,W,C]     M = H·W·C; mu and sigma of a column of the group
//   dy, ddy   [groups · G, H,W,C+1]
//
//   ddy = u, with the derivative of f along u as its last channel: Σ u · (x − mu) / (G · M · sigma)
//   ddx = s / (G · M · sigma) · (u − mean u − (x − mu) · mean(u · (x − mu)) / sigma²), means over the group, with s the sum
//         of dy's last channel over the group: s times the Hessian of f times u
//
// A workgroup computes one group: each of its 256 threads handles every 256th pixel and column. Cost: 20·groups·G·M flops.
// Reference: src/reference/minibatch_stddev.ts. Test: test/kernels/minibatch_stddev.test.ts.

struct Sizes { first: u32, end: u32, G: u32, M: u32, C: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> u: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> ddy: array<f32>;
@group(0) @binding(5) var<storage, read_write> ddx: array<f32>;

@compute @workgroup_size(256)
fn minibatch_stddev_curvature(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let G = f32(sizes.G);
  let pixels = sizes.G * (sizes.M / sizes.C);
  var sum = 0.0;
  for (var i = lane; i < pixels; i += 256u) { sum += dy[(tile * pixels + i) * (sizes.C + 1u) + sizes.C]; }
  let s = sum_of_all(lane, sum);

  var slopes = 0.0;
  for (var m = lane; m < sizes.M; m += 256u) {
    let c = column(tile, m);
    var total = 0.0;
    var inner = 0.0;
    for (var n = 0u; n < sizes.G; n++) {
      let at = c.at + n * sizes.M;
      total += u[at];
      inner += u[at] * (x[at] - c.mean);
    }
    slopes += inner / c.sigma;
    let scale = s / (G * f32(sizes.M) * c.sigma);
    let along = inner / (G * c.sigma * c.sigma);
    for (var n = 0u; n < sizes.G; n++) {
      let at = c.at + n * sizes.M;
      ddx[at] = scale * (u[at] - total / G - along * (x[at] - c.mean));
      ddy[at + at / sizes.C] = u[at];
    }
  }
  let slope = sum_of_all(lane, slopes) / (G * f32(sizes.M));
  for (var i = lane; i < pixels; i += 256u) { ddy[(tile * pixels + i) * (sizes.C + 1u) + sizes.C] = slope; }
}

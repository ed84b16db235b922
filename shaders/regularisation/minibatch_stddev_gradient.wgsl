// minibatch_stddev_gradient: dx = dy's first C channels + s · (x − mu) / (G · M · sigma), where s is the sum of dy's last
// channel over the group. Joined with minibatch_group.wgsl.
//
//   dy    [groups · G, H,W,C+1]
//   x, dx [groups · G, H,W,C]     M = H·W·C; mu and sigma of a column of the group
//
// A workgroup computes one group: each of its 256 threads adds up the last channel of every 256th pixel, then handles every
// 256th column. Cost: 8·groups·G·M flops. Reference: src/reference/minibatch_stddev.ts.
// Test: test/kernels/minibatch_stddev.test.ts.

struct Sizes { first: u32, end: u32, G: u32, M: u32, C: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(256)
fn minibatch_stddev_gradient(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let pixels = sizes.G * (sizes.M / sizes.C);
  var sum = 0.0;
  for (var i = lane; i < pixels; i += 256u) { sum += dy[(tile * pixels + i) * (sizes.C + 1u) + sizes.C]; }
  let s = sum_of_all(lane, sum);

  for (var m = lane; m < sizes.M; m += 256u) {
    let c = column(tile, m);
    let slope = s / (f32(sizes.G) * f32(sizes.M) * c.sigma);
    for (var n = 0u; n < sizes.G; n++) {
      let at = c.at + n * sizes.M;
      // Each preceding pixel has one more channel in dy.
      dx[at] = dy[at + at / sizes.C] + slope * (x[at] - c.mean);
    }
  }
}

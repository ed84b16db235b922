// minibatch_stddev: y = x with one more channel, f: how much the pictures of a group differ. Joined with
// minibatch_group.wgsl.
//
//   x [groups · G, H,W,C]     M = H·W·C
//   y [groups · G, H,W,C+1]   the last channel is f[g] at every pixel of group g
//
//   f[g] = mean over m of sqrt(variance of x[·, m] over the group + 1e-8)
//
// A workgroup computes one group: each of its 256 threads adds up the deviations of every 256th column, then writes every
// 256th element. Cost: 6·groups·G·M flops. Reference: src/reference/minibatch_stddev.ts.
// Test: test/kernels/minibatch_stddev.test.ts.

struct Sizes { first: u32, end: u32, G: u32, M: u32, C: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(256)
fn minibatch_stddev(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  var sum = 0.0;
  for (var m = lane; m < sizes.M; m += 256u) { sum += column(tile, m).sigma; }
  let f = sum_of_all(lane, sum) / f32(sizes.M);

  let pixels = sizes.G * (sizes.M / sizes.C);
  let first = tile * pixels;
  for (var i = lane; i < pixels * (sizes.C + 1u); i += 256u) {
    let pixel = first + i / (sizes.C + 1u);
    let c = i % (sizes.C + 1u);
    if (c == sizes.C) { y[pixel * (sizes.C + 1u) + c] = f; } else { y[pixel * (sizes.C + 1u) + c] = x[pixel * sizes.C + c]; }
  }
}

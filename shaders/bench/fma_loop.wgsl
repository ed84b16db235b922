// fma_loop: nothing but multiply-adds, to see how many of them this adapter does in a second
//
//   y [threads]   y[i] = the sum of twelve numbers, each of which was replaced by factor · itself + summand so often
//
// A thread keeps the twelve in three named vec4f: enough that one multiply-add need not wait for the last, and few
// enough for the sixteen registers of a CPU adapter. Memory is written once a thread. With factor ½ and summand 1 the
// numbers settle at 2, so that y can be checked: 24.
//
// A workgroup is 64 threads. Cost: 2 · 12 · 16 · 64 · steps flops a thread.
// Host: bench/ceilings.ts. Test: test/bench/ceilings.test.ts.

struct Sizes { first: u32, end: u32, threads: u32, steps: u32, factor: f32, summand: f32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn fma_loop(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.threads) { return; }
  // From a uniform, so that no compiler can work the loop out beforehand.
  let a = vec4f(sizes.factor);
  let b = vec4f(sizes.summand);
  var y0 = vec4f(f32(i % 64u));
  var y1 = y0 + 1.0;
  var y2 = y0 + 2.0;
  for (var step = 0u; step < sizes.steps; step++) {
    for (var j = 0u; j < 64u; j++) {
      y0 = fma(y0, a, b); y1 = fma(y1, a, b); y2 = fma(y2, a, b);
      y0 = fma(y0, a, b); y1 = fma(y1, a, b); y2 = fma(y2, a, b);
      y0 = fma(y0, a, b); y1 = fma(y1, a, b); y2 = fma(y2, a, b);
      y0 = fma(y0, a, b); y1 = fma(y1, a, b); y2 = fma(y2, a, b);
      y0 = fma(y0, a, b); y1 = fma(y1, a, b); y2 = fma(y2, a, b);
      y0 = fma(y0, a, b); y1 = fma(y1, a, b); y2 = fma(y2, a, b);
      y0 = fma(y0, a, b); y1 = fma(y1, a, b); y2 = fma(y2, a, b);
      y0 = fma(y0, a, b); y1 = fma(y1, a, b); y2 = fma(y2, a, b);
      y0 = fma(y0, a, b); y1 = fma(y1, a, b); y2 = fma(y2, a, b);
      y0 = fma(y0, a, b); y1 = fma(y1, a, b); y2 = fma(y2, a, b);
      y0 = fma(y0, a, b); y1 = fma(y1, a, b); y2 = fma(y2, a, b);
      y0 = fma(y0, a, b); y1 = fma(y1, a, b); y2 = fma(y2, a, b);
      y0 = fma(y0, a, b); y1 = fma(y1, a, b); y2 = fma(y2, a, b);
      y0 = fma(y0, a, b); y1 = fma(y1, a, b); y2 = fma(y2, a, b);
      y0 = fma(y0, a, b); y1 = fma(y1, a, b); y2 = fma(y2, a, b);
      y0 = fma(y0, a, b); y1 = fma(y1, a, b); y2 = fma(y2, a, b);
    }
  }
  let sum = y0 + y1 + y2;
  y[i] = sum.x + sum.y + sum.z + sum.w;
}

// fma_loop: only multiply-adds, to measure how many the adapter does per second
//
//   y [threads]   y[i] = the sum of twelve numbers, each replaced by factor · itself + summand 16 · 64 · steps times
//
// A thread keeps the twelve in three named vec4f: enough that a multiply-add does not wait for the previous one, and few
// enough for a CPU adapter's sixteen registers. Memory is written once per thread. With factor ½ and summand 1 the numbers
// converge to 2, so y can be checked: it is 24.
//
// A workgroup is 64 threads. Cost: 2 · 12 · 16 · 64 · steps flops per thread.
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
  // Read from a uniform, so that no compiler can evaluate the loop in advance.
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

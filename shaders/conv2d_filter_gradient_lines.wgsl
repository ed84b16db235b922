// conv2d_filter_gradient_lines: conv2d's filter gradient for channel counts that are no multiples of 4, RGB's 3 above
// all; conv2d_filter_gradient.wgsl has the formula, the shapes and the same bindings.
//
// In NHWC the S·C numbers under one line of the window lie side by side, as do their weights: so a thread's rows are
// consecutive (s,c) of one r, 15 of 16 of them in use for RGB and a 5×5 filter, where single taps would use 3 of 8. What
// the window has outside of the picture, to its left and right, is masked number by number.
//
// Reads x as A and dy as B, through storage_f32.wgsl, for gemm_tn_*.wgsl. Cost: 2·N·P·Q·K·R·S·C flops. Twin:
// src/reference/conv2d.ts. Test: test/kernels/conv2d.test.ts. First rung: conv2d_filter_gradient_obvious.wgsl.

struct Sizes {
  first: u32, end: u32,
  N: u32, H: u32, W: u32, C: u32,
  R: u32, S: u32, K: u32, stride: u32,
  P: u32, Q: u32, pad_top: u32, pad_left: u32,
  splits: u32, lines: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(3) var<storage, read_write> partial: array<f32>;

struct Part {
  // Which output lines (n,p) this split sums.
  first_line: u32, end_line: u32,
  // This filter line's offset from p·stride; the first of the thread's (s,c) and its column.
  h: i32, sc: u32, k: u32,
  rows_left: u32, columns_left: u32,
  // Where this thread's first value goes.
  at: u32,
}
// a: the first of the thread's numbers in x, which may lie outside of the picture's line [first, end).
struct Pixels { a: i32, b: u32, a_stride: i32, b_stride: u32, count: u32, first: i32, end: i32 }

fn ceil_div(x: u32, y: u32) -> u32 { return (x + y - 1u) / y; }

fn gemm_threads() -> u32 {
  return sizes.splits * sizes.R * ceil_div(sizes.S * sizes.C, row_tile) * ceil_div(sizes.K, column_tile);
}

fn part_at(thread: u32) -> Part {
  let column_tiles = ceil_div(sizes.K, column_tile);
  let row_tiles = ceil_div(sizes.S * sizes.C, row_tile);
  let k = thread % column_tiles * column_tile;
  var rest = thread / column_tiles;
  let sc = rest % row_tiles * row_tile;
  rest /= row_tiles;
  let r = rest % sizes.R;
  let split = rest / sizes.R;
  return Part(
    split * sizes.lines, min((split + 1u) * sizes.lines, sizes.N * sizes.P),
    i32(r) - i32(sizes.pad_top), sc, k,
    sizes.S * sizes.C - sc, sizes.K - k,
    ((split * sizes.R + r) * sizes.S * sizes.C + sc) * sizes.K + k,
  );
}

// A line's pixels: x moves by stride·C, dy by K. Above and below the picture there are none.
fn line_at(part: Part, line: u32) -> Pixels {
  let n = line / sizes.P;
  let h = i32(line % sizes.P * sizes.stride) + part.h;
  let width = i32(sizes.W * sizes.C);
  let first = (i32(n * sizes.H) + h) * width;
  return Pixels(
    first - i32(sizes.pad_left * sizes.C) + i32(part.sc),
    line * sizes.Q * sizes.K + part.k,
    i32(sizes.stride * sizes.C),
    sizes.K,
    // As u32 a negative number is huge.
    select(0u, sizes.Q, u32(h) < sizes.H),
    first,
    first + width,
  );
}

fn number(pixels: Pixels, i: i32, wanted: bool) -> f32 {
  let inside = wanted & (i >= pixels.first) & (i < pixels.end);
  return number_a(u32(i), inside);
}

fn load_rows(part: Part, pixels: Pixels, row: u32, left: u32) -> vec4f {
  let i = pixels.a + i32(row);
  return vec4f(
    number(pixels, i, left > 0u),
    number(pixels, i + 1, left > 1u),
    number(pixels, i + 2, left > 2u),
    number(pixels, i + 3, left > 3u),
  );
}

fn store(part: Part, row: u32, column: u32, value: vec4f) {
  if (row >= part.rows_left) { return; }
  let at = part.at + row * sizes.K + column;
  if (column < part.columns_left) { partial[at] = value.x; }
  if (column + 1u < part.columns_left) { partial[at + 1u] = value.y; }
  if (column + 2u < part.columns_left) { partial[at + 2u] = value.z; }
  if (column + 3u < part.columns_left) { partial[at + 3u] = value.w; }
}

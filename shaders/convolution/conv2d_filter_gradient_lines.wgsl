// conv2d_filter_gradient_lines: conv2d's filter gradient for channel counts that are not multiples of 4 (above all RGB's 3),
// or smaller than a tile's rows. The formula, shapes and bindings are those of conv2d_filter_gradient.wgsl.
//
// In NHWC the S·C values under one line of the window are adjacent, and so are their weights. A thread's rows are therefore
// consecutive (s,c) of one r: for RGB and a 5×5 filter 15 of 16 of them are used, where single taps would use 3 of 8. Values
// left and right of the picture are masked: line_rows_f32.wgsl, line_rows_vec4.wgsl.
//
// Locates x (A) and dy (B) for gemm_tn.wgsl; joined with a storage file and one of those two. Cost: 2·N·P·Q·K·R·S·C flops.
// Reference: src/reference/conv2d.ts. Test: test/kernels/conv2d.test.ts. Baseline: conv2d_filter_gradient_naive.wgsl.

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
  // The output lines (n,p) that this split sums, and the range of p for which the filter line lies inside the picture.
  first_line: u32, end_line: u32, first_p: u32, end_p: u32,
  // This filter line's offset from p·stride; the thread's first (s,c) and first column.
  h: i32, sc: u32, k: u32,
  rows_left: u32, columns_left: u32,
  // The offset in partial of this thread's first value.
  at: u32,
}
// A walk over a split's pixels: the offsets in x and dy, how many pixels are left in all and in this line, how many lines
// in this image, and the range [first, end) of the picture's line in x, beyond which the window may reach.
struct Walk { a: i32, b: u32, left: u32, line: u32, image: u32, first: i32, end: i32 }

fn ceil_div(x: u32, y: u32) -> u32 { return (x + y - 1u) / y; }

fn gemm_threads() -> u32 {
  return sizes.splits * sizes.R * ceil_div(sizes.S * sizes.C, row_tile) * ceil_div(sizes.K, column_tile);
}

// The output lines whose filter line at offset `shift` (from p·stride) lies inside the picture.
fn inside(shift: i32) -> vec2u {
  let stride = i32(sizes.stride);
  let first = max(0, (stride - 1 - shift) / stride);
  let end = clamp((i32(sizes.H) - shift + stride - 1) / stride, 0, i32(sizes.P));
  return vec2u(u32(first), u32(max(first, end)));
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
  let h = i32(r) - i32(sizes.pad_top);
  let p = inside(h);
  return Part(
    split * sizes.lines, min((split + 1u) * sizes.lines, sizes.N * sizes.P), p.x, p.y,
    h, sc, k,
    sizes.S * sizes.C - sc, sizes.K - k,
    ((split * sizes.R + r) * sizes.S * sizes.C + sc) * sizes.K + k,
  );
}

// The number of output lines before `line` whose filter line lies inside the picture.
fn lines_before(part: Part, line: u32) -> u32 {
  let height = part.end_p - part.first_p;
  return line / sizes.P * height + clamp(line % sizes.P, part.first_p, part.end_p) - part.first_p;
}

fn walk_at(part: Part) -> Walk {
  let height = max(part.end_p - part.first_p, 1u);
  let before = lines_before(part, part.first_line);
  let count = lines_before(part, part.end_line) - before;
  let n = before / height;
  let p = part.first_p + before % height;
  let width = i32(sizes.W * sizes.C);
  let first = (i32(n * sizes.H + p * sizes.stride) + part.h) * width;
  return Walk(
    first - i32(sizes.pad_left * sizes.C) + i32(part.sc),
    (n * sizes.P + p) * sizes.Q * sizes.K + part.k,
    count * sizes.Q,
    sizes.Q,
    part.end_p - p,
    first,
    first + width,
  );
}

// The next pixel. At the end of a line or an image it jumps over the lines outside.
fn next(part: Part, walk: Walk) -> Walk {
  let height = part.end_p - part.first_p;
  let line_ends = walk.line == 1u;
  let image_ends = line_ends & (walk.image == 1u);
  let width = i32(sizes.W * sizes.C);
  let jump = select(0, i32(sizes.stride) * width, line_ends)
    + select(0, (i32(sizes.H) - i32(height * sizes.stride)) * width, image_ends);
  return Walk(
    walk.a + select(i32(sizes.stride * sizes.C), -i32((sizes.Q - 1u) * sizes.stride * sizes.C), line_ends) + jump,
    walk.b + sizes.K + select(0u, (sizes.P - height) * sizes.Q * sizes.K, image_ends),
    walk.left - min(walk.left, 1u),
    select(walk.line - 1u, sizes.Q, line_ends),
    select(walk.image - select(0u, 1u, line_ends), height, image_ends),
    walk.first + jump,
    walk.end + jump,
  );
}

// The pixel itself, or past the end of the split one that is safe to read.
fn within(walk: Walk, safe: Walk) -> Walk {
  let past = walk.left == 0u;
  return Walk(
    select(walk.a, safe.a, past), select(walk.b, safe.b, past), walk.left, walk.line, walk.image,
    select(walk.first, safe.first, past), select(walk.end, safe.end, past),
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

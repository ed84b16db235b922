// conv2d_filter_gradient: dweight[r,s,c,k] = Σ_{n,p,q} x[n, p·stride + r − pad_top, q·stride + s − pad_left, c] · dy[n,p,q,k]
//
//   x       [N,H,W,C]
//   dy      [N,P,Q,K]
//   partial [splits,R,S,C,K]   summed by reduce_splits.wgsl
//
// As a matrix product: a row is a weight's (r,s,c), a column is k, and the depth runs over the output's pixels. The depth is
// long and the result small, so the depth is split: split i sums the output lines (n,p) from i·lines to (i+1)·lines. All of
// a thread's rows belong to one tap, so it visits only the pixels for which that tap lies inside the picture.
//
// This file locates x (A) and dy (B) for gemm_tn.wgsl. Cost: 2·N·P·Q·K·R·S·C flops.
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
  // The output lines (n,p) that this split sums, and the ranges of p and q for which the tap lies inside the picture.
  first_line: u32, end_line: u32,
  first_p: u32, end_p: u32, first_q: u32, end_q: u32,
  // The tap's offset from p·stride, q·stride.
  h: i32, w: i32,
  c: u32, k: u32, rows_left: u32, columns_left: u32,
  // The offset in partial of this thread's first value.
  at: u32,
}

fn ceil_div(x: u32, y: u32) -> u32 { return (x + y - 1u) / y; }

fn gemm_threads() -> u32 {
  return sizes.splits * sizes.R * sizes.S * ceil_div(sizes.C, row_tile) * ceil_div(sizes.K, column_tile);
}

// The output positions whose tap at offset `shift` (from position·stride) lies in [0, size).
fn inside(shift: i32, size: u32, positions: u32) -> vec2u {
  let stride = i32(sizes.stride);
  let first = max(0, (stride - 1 - shift) / stride);
  let end = clamp((i32(size) - shift + stride - 1) / stride, 0, i32(positions));
  return vec2u(u32(first), u32(max(first, end)));
}

fn part_at(thread: u32) -> Part {
  let column_tiles = ceil_div(sizes.K, column_tile);
  let row_tiles = ceil_div(sizes.C, row_tile);
  let k = thread % column_tiles * column_tile;
  var rest = thread / column_tiles;
  let c = rest % row_tiles * row_tile;
  rest /= row_tiles;
  let tap = rest % (sizes.R * sizes.S);
  let split = rest / (sizes.R * sizes.S);
  let h = i32(tap / sizes.S) - i32(sizes.pad_top);
  let w = i32(tap % sizes.S) - i32(sizes.pad_left);
  let p = inside(h, sizes.H, sizes.P);
  let q = inside(w, sizes.W, sizes.Q);
  return Part(
    split * sizes.lines, min((split + 1u) * sizes.lines, sizes.N * sizes.P),
    p.x, p.y, q.x, q.y, h, w, c, k, sizes.C - c, sizes.K - k,
    ((split * sizes.R * sizes.S + tap) * sizes.C + c) * sizes.K + k,
  );
}

// A walk over the pixels of a split whose tap lies inside the picture: the offsets in x and dy, and how many pixels are
// left in all and in this line, and how many lines in this image.
struct Walk { a: u32, b: u32, left: u32, line: u32, image: u32 }

// The number of output lines before `line` whose tap lies inside the picture.
fn lines_before(part: Part, line: u32) -> u32 {
  let height = part.end_p - part.first_p;
  return line / sizes.P * height + clamp(line % sizes.P, part.first_p, part.end_p) - part.first_p;
}

fn walk_at(part: Part) -> Walk {
  let height = max(part.end_p - part.first_p, 1u);
  let width = part.end_q - part.first_q;
  let before = lines_before(part, part.first_line);
  let count = lines_before(part, part.end_line) - before;
  let n = before / height;
  let p = part.first_p + before % height;
  let h = u32(i32(p * sizes.stride) + part.h);
  let w = u32(i32(part.first_q * sizes.stride) + part.w);
  return Walk(
    ((n * sizes.H + h) * sizes.W + w) * sizes.C + part.c,
    ((n * sizes.P + p) * sizes.Q + part.first_q) * sizes.K + part.k,
    count * width,
    width,
    part.end_p - p,
  );
}

// The next pixel. At the end of a line or an image it jumps over the pixels outside. (A jump back is a large u32, and the
// sum wraps around to the right offset.)
fn next(part: Part, walk: Walk) -> Walk {
  let height = part.end_p - part.first_p;
  let width = part.end_q - part.first_q;
  let line_ends = walk.line == 1u;
  let image_ends = line_ends & (walk.image == 1u);
  return Walk(
    walk.a + sizes.stride * sizes.C
      + select(0u, sizes.stride * (sizes.W - width) * sizes.C, line_ends)
      + select(0u, (sizes.H - height * sizes.stride) * sizes.W * sizes.C, image_ends),
    walk.b + sizes.K
      + select(0u, (sizes.Q - width) * sizes.K, line_ends)
      + select(0u, (sizes.P - height) * sizes.Q * sizes.K, image_ends),
    walk.left - min(walk.left, 1u),
    select(walk.line - 1u, width, line_ends),
    select(walk.image - select(0u, 1u, line_ends), height, image_ends),
  );
}

// The pixel itself, or past the end of the split one that is safe to read.
fn within(walk: Walk, safe: Walk) -> Walk {
  var pixel = walk;
  let past = walk.left == 0u;
  pixel.a = select(walk.a, safe.a, past);
  pixel.b = select(walk.b, safe.b, past);
  return pixel;
}

fn load_rows(part: Part, pixels: Walk, row: u32, left: u32) -> vec4f {
  return load_a(pixels.a + row, left);
}

fn store(part: Part, row: u32, column: u32, value: vec4f) {
  if (row >= part.rows_left) { return; }
  let at = part.at + row * sizes.K + column;
  if (column < part.columns_left) { partial[at] = value.x; }
  if (column + 1u < part.columns_left) { partial[at + 1u] = value.y; }
  if (column + 2u < part.columns_left) { partial[at + 2u] = value.z; }
  if (column + 3u < part.columns_left) { partial[at + 3u] = value.w; }
}

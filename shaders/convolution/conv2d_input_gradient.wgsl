// conv2d_input_gradient: dx[n,h,w,c] = bias[c] + Σ_{r,s,k} dy[n,p,q,k] · weight[r,s,c,k]
//                        over the p, q, r, s with h = p·stride + r − pad_top, w = q·stride + s − pad_left
//
//   dy     [N,P,Q,K]
//   weight [R,S,C,K]
//   bias   [C]         zeros for a gradient; a transposed conv2d, of which this is the forward pass, has a bias
//   dx     [N,H,W,C]
//
// As a matrix product, one sub-pixel phase at a time: the pixels with h ≡ a, w ≡ b (mod stride) all use the same taps,
// r ≡ a + pad_top and s ≡ b + pad_left (mod stride), so each phase is a dense product of its own and nothing is multiplied
// by an inserted zero. Rows are the pixels of a phase, padded to whole row tiles so that no thread has rows of two phases.
// The phases follow each other, the last (a, b) first, since at even sizes it has the most taps. A phase without taps
// (kernel smaller than stride) still writes the bias.
// Within a phase, `images` consecutive rows are the same pixel of that many pictures, as in conv2d.wgsl.
//
// This file locates dy (A) and weight (B) for gemm_nt.wgsl. Cost: 2·N·P·Q·K·R·S·C flops. Reference:
// src/reference/conv2d.ts, src/reference/transposed_conv2d.ts. Test: test/kernels/conv2d.test.ts. Baseline:
// conv2d_input_gradient_naive.wgsl.

struct Sizes {
  first: u32, end: u32,
  N: u32, H: u32, W: u32, C: u32,
  R: u32, S: u32, K: u32, stride: u32,
  P: u32, Q: u32, pad_top: u32, pad_left: u32,
  row_tile: u32, images: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

// A phase: its offsets (a, b), its pixels per picture (height × width), its first row and number of real rows, its first
// tap and number of taps along each axis.
struct Part {
  a: u32, b: u32, height: u32, width: u32,
  first: u32, rows: u32,
  r: u32, s: u32, taps_r: u32, taps_s: u32,
}
// A pixel: its index in dx ÷ C, whether it is real or padding, and the dy row and column that the first tap reaches.
struct Row { pixel: u32, real: bool, image: i32, p: i32, q: i32 }
struct Tap { i: i32, j: i32, b: u32 }

fn phase(index: u32, first: u32) -> Part {
  let last = sizes.stride * sizes.stride - 1u - index;
  let a = last / sizes.stride;
  let b = last % sizes.stride;
  let height = (sizes.H + sizes.stride - 1u - a) / sizes.stride;
  let width = (sizes.W + sizes.stride - 1u - b) / sizes.stride;
  let r = (a + sizes.pad_top) % sizes.stride;
  let s = (b + sizes.pad_left) % sizes.stride;
  return Part(
    a, b, height, width, first, sizes.N * height * width,
    r, s, (sizes.R + sizes.stride - 1u - r) / sizes.stride, (sizes.S + sizes.stride - 1u - s) / sizes.stride,
  );
}

fn padded(rows: u32) -> u32 { return (rows + sizes.row_tile - 1u) / sizes.row_tile * sizes.row_tile; }

fn gemm_rows() -> u32 {
  var rows = 0u;
  for (var i = 0u; i < sizes.stride * sizes.stride; i++) { rows += padded(phase(i, 0u).rows); }
  return rows;
}
fn gemm_columns() -> u32 { return sizes.C; }
fn gemm_taps(part: Part) -> u32 { return part.taps_r * part.taps_s; }
fn gemm_depth() -> u32 { return sizes.K; }

fn part_at(row: u32) -> Part {
  var part = phase(0u, 0u);
  for (var i = 1u; i < sizes.stride * sizes.stride; i++) {
    let next = part.first + padded(part.rows);
    if (row >= next) { part = phase(i, next); }
  }
  return part;
}

fn row_at(part: Part, row: u32) -> Row {
  let real = row - part.first < part.rows;
  let index = min(row - part.first, max(part.rows, 1u) - 1u);
  let group = index / sizes.images;
  let pixels = max(part.height * part.width, 1u);
  let n = group / pixels * sizes.images + index % sizes.images;
  let i = group % pixels / max(part.width, 1u);
  let j = group % pixels % max(part.width, 1u);
  let h = part.a + i * sizes.stride;
  let w = part.b + j * sizes.stride;
  return Row(
    (n * sizes.H + h) * sizes.W + w,
    real,
    i32(n * sizes.P),
    // Exact: h + pad_top − r is a multiple of the stride by definition of the phase, and never negative.
    (i32(h + sizes.pad_top) - i32(part.r)) / i32(sizes.stride),
    (i32(w + sizes.pad_left) - i32(part.s)) / i32(sizes.stride),
  );
}

fn tap_at(part: Part, t: u32) -> Tap {
  let i = t / part.taps_s;
  let j = t % part.taps_s;
  let r = part.r + i * sizes.stride;
  let s = part.s + j * sizes.stride;
  return Tap(i32(i), i32(j), (r * sizes.S + s) * sizes.C * sizes.K);
}

fn a_offset(row: Row, tap: Tap) -> i32 {
  let p = row.p - tap.i;
  let q = row.q - tap.j;
  // The casts and `&` instead of `&&`: see conv2d.wgsl.
  let inside = (u32(p) < sizes.P) & (u32(q) < sizes.Q);
  return select(-1, ((row.image + p) * i32(sizes.Q) + q) * i32(sizes.K), inside);
}

// The depth to multiply at a tap, given one row's offset: 0 on the padding if the tile's rows are all on it together.
fn depth_at(offset: i32) -> u32 {
  return select(sizes.K, 0u, (sizes.images > 1u) & (offset < 0));
}

fn store(row: Row, column: u32, value: vec4f) {
  if (!row.real) { return; }
  let at = row.pixel * sizes.C + column;
  if (column < sizes.C) { dx[at] = value.x + bias[column]; }
  if (column + 1u < sizes.C) { dx[at + 1u] = value.y + bias[column + 1u]; }
  if (column + 2u < sizes.C) { dx[at + 2u] = value.z + bias[column + 2u]; }
  if (column + 3u < sizes.C) { dx[at + 3u] = value.w + bias[column + 3u]; }
}

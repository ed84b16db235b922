// conv2d: y[n,p,q,k] = bias[k] + Σ_{r,s,c} x[n, p·stride + r − pad_top, q·stride + s − pad_left, c] · weight[r,s,c,k]
//
//   x      [N,H,W,C]   NHWC
//   weight [R,S,C,K]   HWIO
//   bias   [K]
//   y      [N,P,Q,K]   P = ceil(H/stride), Q = ceil(W/stride); pad_top and pad_left are TensorFlow's SAME padding
//
// As a matrix product: a row is an output pixel (n,p,q), a column is an output channel k, and the depth runs over the taps
// (r,s) and, within each, the channels c. This file locates x (A) and weight (B) for gemm_nn.wgsl. A dense layer is the
// case H = W = R = S = 1.
//
// `images` consecutive rows are the same pixel (p,q) of that many pictures: 1, or the whole batch if it is a multiple of the
// tile's rows. With the whole batch, a tap on the padding is on it for every row of a tile, and is skipped.
//
// Cost: 2·N·P·Q·K·R·S·C flops. Reference: src/reference/conv2d.ts. Test: test/kernels/conv2d.test.ts. Baseline:
// conv2d_naive.wgsl.

struct Sizes {
  first: u32, end: u32,
  N: u32, H: u32, W: u32, C: u32,
  R: u32, S: u32, K: u32, stride: u32,
  P: u32, Q: u32, pad_top: u32, pad_left: u32,
  images: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

// Where a row's window starts: n·H, and the window's top left corner, which may be negative.
struct Row { image: i32, h: i32, w: i32 }
struct Tap { r: i32, s: i32, b: u32 }

fn gemm_rows() -> u32 { return sizes.N * sizes.P * sizes.Q; }
fn gemm_columns() -> u32 { return sizes.K; }
fn gemm_taps() -> u32 { return sizes.R * sizes.S; }
fn gemm_depth() -> u32 { return sizes.C; }

// The picture n of a row, and its pixel p·Q + q.
fn picture_and_pixel(row: u32) -> vec2u {
  let group = row / sizes.images;
  let pixels = sizes.P * sizes.Q;
  return vec2u(group / pixels * sizes.images + row % sizes.images, group % pixels);
}

fn row_at(row: u32) -> Row {
  let at = picture_and_pixel(row);
  return Row(
    i32(at.x * sizes.H),
    i32(at.y / sizes.Q * sizes.stride) - i32(sizes.pad_top),
    i32(at.y % sizes.Q * sizes.stride) - i32(sizes.pad_left),
  );
}

// The offset in y of a row's first output.
fn output_at(row: u32) -> u32 {
  let at = picture_and_pixel(row);
  return (at.x * sizes.P * sizes.Q + at.y) * sizes.K;
}

fn tap_at(t: u32) -> Tap {
  return Tap(i32(t / sizes.S), i32(t % sizes.S), t * sizes.C * sizes.K);
}

fn a_offset(row: Row, tap: Tap) -> i32 {
  let h = row.h + tap.r;
  let w = row.w + tap.s;
  // Cast to u32, a negative number is huge, so one comparison checks both ends. `&` instead of `&&`: with this many live
  // values, a branch here costs a CPU adapter's compiler most of a minute.
  let inside = (u32(h) < sizes.H) & (u32(w) < sizes.W);
  return select(-1, ((row.image + h) * i32(sizes.W) + w) * i32(sizes.C), inside);
}

// The depth to multiply at a tap, given one row's offset: 0 on the padding if the tile's rows are all on it together.
fn depth_at(offset: i32) -> u32 {
  return select(sizes.C, 0u, (sizes.images > 1u) & (offset < 0));
}

fn store(output: u32, column: u32, value: vec4f) {
  let at = output + column;
  if (column < sizes.K) { y[at] = value.x + bias[column]; }
  if (column + 1u < sizes.K) { y[at + 1u] = value.y + bias[column + 1u]; }
  if (column + 2u < sizes.K) { y[at + 2u] = value.z + bias[column + 2u]; }
  if (column + 3u < sizes.K) { y[at + 3u] = value.w + bias[column + 3u]; }
}

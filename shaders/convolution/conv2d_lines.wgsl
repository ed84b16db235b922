// conv2d_lines: conv2d for channel counts that are no multiples of 4, RGB's 3 above all; conv2d.wgsl has the formula, the
// shapes and the same bindings.
//
// In NHWC the S·C numbers under one line of the window lie side by side, and so do theirs in the filter. So the depth is
// R lines of S·C numbers instead of R·S taps of C: for RGB and a 5×5 filter 15 of 16 loaded numbers are used, of single
// taps 3 of 4, and a window is 5 lines long instead of 25 taps. What the window has outside of the picture, to its left and
// right, is masked number by number.
//
// Reads x as A and weight as B, through storage_f32.wgsl or storage_f32_vec4.wgsl, for gemm_nn.wgsl; rows are ordered
// as in conv2d.wgsl. Cost: 2·N·P·Q·K·R·S·C flops. Twin: src/reference/conv2d.ts. Test: test/kernels/conv2d.test.ts.
// Baseline: conv2d_naive.wgsl.

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

// Where a row's window starts: n·H, its first line, and its first number within a line (both perhaps negative).
struct Row { image: i32, h: i32, w: i32 }
struct Tap { r: i32, b: u32 }
// A line of the window in x: where it starts, and the picture's line [first, end) that it may read of.
struct Line { at: i32, first: i32, end: i32 }

fn gemm_rows() -> u32 { return sizes.N * sizes.P * sizes.Q; }
fn gemm_columns() -> u32 { return sizes.K; }
fn gemm_taps() -> u32 { return sizes.R; }
fn gemm_depth() -> u32 { return sizes.S * sizes.C; }

// A row's picture n and its pixel p·Q + q.
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
    (i32(at.y % sizes.Q * sizes.stride) - i32(sizes.pad_left)) * i32(sizes.C),
  );
}

// Where a row's numbers go in y.
fn output_at(row: u32) -> u32 {
  let at = picture_and_pixel(row);
  return (at.x * sizes.P * sizes.Q + at.y) * sizes.K;
}

fn tap_at(r: u32) -> Tap {
  return Tap(i32(r), r * sizes.S * sizes.C * sizes.K);
}

fn a_offset(row: Row, tap: Tap) -> Line {
  let h = row.h + tap.r;
  let width = i32(sizes.W * sizes.C);
  let first = (row.image + h) * width;
  // As u32 a negative number is huge. Above and below the picture the line is empty.
  return Line(first + row.w, first, select(first, first + width, u32(h) < sizes.H));
}

fn number(line: Line, i: i32, wanted: bool) -> f32 {
  let inside = wanted & (i >= line.first) & (i < line.end);
  return number_a(u32(i), inside);
}

fn load_a_or_zero(line: Line, d: u32, left: u32) -> vec4f {
  let i = line.at + i32(d);
  return vec4f(
    number(line, i, true),
    number(line, i + 1, left > 1u),
    number(line, i + 2, left > 2u),
    number(line, i + 3, left > 3u),
  );
}

// How much of the depth a tap has for rows of which one has this line: none above and below the picture, where all are.
fn depth_at(line: Line) -> u32 {
  return select(sizes.S * sizes.C, 0u, (sizes.images > 1u) & (line.end == line.first));
}

fn store(output: u32, column: u32, value: vec4f) {
  let at = output + column;
  if (column < sizes.K) { y[at] = value.x + bias[column]; }
  if (column + 1u < sizes.K) { y[at + 1u] = value.y + bias[column + 1u]; }
  if (column + 2u < sizes.K) { y[at + 2u] = value.z + bias[column + 2u]; }
  if (column + 3u < sizes.K) { y[at + 3u] = value.w + bias[column + 3u]; }
}

// conv2d_lines: conv2d for channel counts that are not multiples of 4 (above all RGB's 3). The formula, shapes and bindings
// are those of conv2d.wgsl.
//
// In NHWC the S·C values under one line of the window are adjacent, and so are the filter's. The depth is therefore R lines
// of S·C values instead of R·S taps of C: for RGB and a 5×5 filter 15 of 16 loaded values are used instead of 3 of 4, and a
// window takes 5 steps instead of 25. Values left and right of the picture are masked one by one.
//
// Locates x (A) and weight (B) for gemm_nn.wgsl; joined with storage_f32.wgsl or storage_f32_vec4.wgsl. Rows are ordered as
// in conv2d.wgsl. Cost: 2·N·P·Q·K·R·S·C flops. Reference: src/reference/conv2d.ts. Test: test/kernels/conv2d.test.ts.
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

// Where a row's window starts: n·H, its first line, and its first value within a line; the last two may be negative.
struct Row { image: i32, h: i32, w: i32 }
struct Tap { r: i32, b: u32 }
// A line of the window in x: where it starts, and the range [first, end) of the picture's line, all that it may read.
struct Line { at: i32, first: i32, end: i32 }

fn gemm_rows() -> u32 { return sizes.N * sizes.P * sizes.Q; }
fn gemm_columns() -> u32 { return sizes.K; }
fn gemm_taps() -> u32 { return sizes.R; }
fn gemm_depth() -> u32 { return sizes.S * sizes.C; }

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
    (i32(at.y % sizes.Q * sizes.stride) - i32(sizes.pad_left)) * i32(sizes.C),
  );
}

// The offset in y of a row's first output.
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
  // Above and below the picture the line is empty. Cast to u32, a negative h is huge.
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

// The depth to multiply, given one row's line: 0 above and below the picture if the tile's rows are there together.
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

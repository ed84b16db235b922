// gemm_nt_16x8: the micro-kernel of conv2d's input gradient (= transposed conv2d's forward pass) and of dense's: y = A · Bᵀ.
//
// Both operands are contiguous along the depth: per four steps of it a thread loads 16 vec4 of A and 8 of B and does
// 512 multiply-adds on 16 rows × 8 columns in 32 named vec4f, sixteen at a time: a row's four steps times
// the matrix of four columns. A tap that is on the padding for all rows is left out.
//
// Joined after a reader (conv2d_input_gradient.wgsl) and a storage file. A workgroup is 16 threads; a tile of the
// grid is one workgroup.

@compute @workgroup_size(16)
fn gemm_nt_16x8(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }
  let thread = tile * 16u + lane;
  let columns = gemm_columns();
  let column_tiles = (columns + 7u) / 8u;
  let column = thread % column_tiles * 8u;
  let row = thread / column_tiles * 16u;
  if (row >= gemm_rows()) { return; }

  // Rows and columns past the end repeat a valid one and are not stored.
  let part = part_at(row);
  let row0 = row_at(part, row + 0u);
  let row1 = row_at(part, row + 1u);
  let row2 = row_at(part, row + 2u);
  let row3 = row_at(part, row + 3u);
  let row4 = row_at(part, row + 4u);
  let row5 = row_at(part, row + 5u);
  let row6 = row_at(part, row + 6u);
  let row7 = row_at(part, row + 7u);
  let row8 = row_at(part, row + 8u);
  let row9 = row_at(part, row + 9u);
  let row10 = row_at(part, row + 10u);
  let row11 = row_at(part, row + 11u);
  let row12 = row_at(part, row + 12u);
  let row13 = row_at(part, row + 13u);
  let row14 = row_at(part, row + 14u);
  let row15 = row_at(part, row + 15u);
  let k = gemm_depth();
  let column0 = min(column + 0u, columns - 1u) * k;
  let column1 = min(column + 1u, columns - 1u) * k;
  let column2 = min(column + 2u, columns - 1u) * k;
  let column3 = min(column + 3u, columns - 1u) * k;
  let column4 = min(column + 4u, columns - 1u) * k;
  let column5 = min(column + 5u, columns - 1u) * k;
  let column6 = min(column + 6u, columns - 1u) * k;
  let column7 = min(column + 7u, columns - 1u) * k;

  var y0a = vec4f(); var y0b = vec4f();
  var y1a = vec4f(); var y1b = vec4f();
  var y2a = vec4f(); var y2b = vec4f();
  var y3a = vec4f(); var y3b = vec4f();
  var y4a = vec4f(); var y4b = vec4f();
  var y5a = vec4f(); var y5b = vec4f();
  var y6a = vec4f(); var y6b = vec4f();
  var y7a = vec4f(); var y7b = vec4f();
  var y8a = vec4f(); var y8b = vec4f();
  var y9a = vec4f(); var y9b = vec4f();
  var y10a = vec4f(); var y10b = vec4f();
  var y11a = vec4f(); var y11b = vec4f();
  var y12a = vec4f(); var y12b = vec4f();
  var y13a = vec4f(); var y13b = vec4f();
  var y14a = vec4f(); var y14b = vec4f();
  var y15a = vec4f(); var y15b = vec4f();

  for (var t = 0u; t < gemm_taps(part); t++) {
    let tap = tap_at(part, t);
    let a0 = a_offset(row0, tap);
    let a1 = a_offset(row1, tap);
    let a2 = a_offset(row2, tap);
    let a3 = a_offset(row3, tap);
    let a4 = a_offset(row4, tap);
    let a5 = a_offset(row5, tap);
    let a6 = a_offset(row6, tap);
    let a7 = a_offset(row7, tap);
    let a8 = a_offset(row8, tap);
    let a9 = a_offset(row9, tap);
    let a10 = a_offset(row10, tap);
    let a11 = a_offset(row11, tap);
    let a12 = a_offset(row12, tap);
    let a13 = a_offset(row13, tap);
    let a14 = a_offset(row14, tap);
    let a15 = a_offset(row15, tap);
    let depth = depth_at(a0);
    for (var d = 0u; d < depth; d += 4u) {
      let left = depth - d;
      let b = tap.b + d;
      let b0 = load_b(b + column0, left);
      let b1 = load_b(b + column1, left);
      let b2 = load_b(b + column2, left);
      let b3 = load_b(b + column3, left);
      let b4 = load_b(b + column4, left);
      let b5 = load_b(b + column5, left);
      let b6 = load_b(b + column6, left);
      let b7 = load_b(b + column7, left);
      // Four columns of B at four steps of the depth: a vec4 of A times such a matrix is four sums of four products.
      let ba = mat4x4f(b0, b1, b2, b3);
      let bb = mat4x4f(b4, b5, b6, b7);
      let x0 = load_a_or_zero(a0, d, left);
      y0a += x0 * ba;
      y0b += x0 * bb;
      let x1 = load_a_or_zero(a1, d, left);
      y1a += x1 * ba;
      y1b += x1 * bb;
      let x2 = load_a_or_zero(a2, d, left);
      y2a += x2 * ba;
      y2b += x2 * bb;
      let x3 = load_a_or_zero(a3, d, left);
      y3a += x3 * ba;
      y3b += x3 * bb;
      let x4 = load_a_or_zero(a4, d, left);
      y4a += x4 * ba;
      y4b += x4 * bb;
      let x5 = load_a_or_zero(a5, d, left);
      y5a += x5 * ba;
      y5b += x5 * bb;
      let x6 = load_a_or_zero(a6, d, left);
      y6a += x6 * ba;
      y6b += x6 * bb;
      let x7 = load_a_or_zero(a7, d, left);
      y7a += x7 * ba;
      y7b += x7 * bb;
      let x8 = load_a_or_zero(a8, d, left);
      y8a += x8 * ba;
      y8b += x8 * bb;
      let x9 = load_a_or_zero(a9, d, left);
      y9a += x9 * ba;
      y9b += x9 * bb;
      let x10 = load_a_or_zero(a10, d, left);
      y10a += x10 * ba;
      y10b += x10 * bb;
      let x11 = load_a_or_zero(a11, d, left);
      y11a += x11 * ba;
      y11b += x11 * bb;
      let x12 = load_a_or_zero(a12, d, left);
      y12a += x12 * ba;
      y12b += x12 * bb;
      let x13 = load_a_or_zero(a13, d, left);
      y13a += x13 * ba;
      y13b += x13 * bb;
      let x14 = load_a_or_zero(a14, d, left);
      y14a += x14 * ba;
      y14b += x14 * bb;
      let x15 = load_a_or_zero(a15, d, left);
      y15a += x15 * ba;
      y15b += x15 * bb;
    }
  }

  // One store in a loop: a CPU adapter compiles every store to a branch a lane.
  var y = array<vec4f, 32>(
    y0a, y0b,
    y1a, y1b,
    y2a, y2b,
    y3a, y3b,
    y4a, y4b,
    y5a, y5b,
    y6a, y6b,
    y7a, y7b,
    y8a, y8b,
    y9a, y9b,
    y10a, y10b,
    y11a, y11b,
    y12a, y12b,
    y13a, y13b,
    y14a, y14b,
    y15a, y15b,
  );
  for (var i = 0u; i < 16u; i++) {
    let pixel = row_at(part, row + i);
    for (var j = 0u; j < 2u; j++) { store(pixel, column + 4u * j, y[2u * i + j]); }
  }
}

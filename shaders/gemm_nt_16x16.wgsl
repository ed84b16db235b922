// gemm_nt_16x16: the micro-kernel of conv2d's input gradient (= transposed conv2d's forward pass) and of dense's: y = A · Bᵀ.
//
// Both operands are contiguous along the depth: per four steps of it a thread loads 16 vec4 of A and 16 of B and does
// 1024 multiply-adds on 16 rows × 16 columns in 64 named vec4f, sixteen at a time: a row's four steps times
// the matrix of four columns. A tap that is on the padding for all rows is left out.
//
// Joined after a reader (conv2d_input_gradient.wgsl) and a storage file. A workgroup is 16 threads; a tile of the
// grid is one workgroup.

@compute @workgroup_size(16)
fn gemm_nt_16x16(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }
  let thread = tile * 16u + lane;
  let columns = gemm_columns();
  let column_tiles = (columns + 15u) / 16u;
  let column = thread % column_tiles * 16u;
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
  let column8 = min(column + 8u, columns - 1u) * k;
  let column9 = min(column + 9u, columns - 1u) * k;
  let column10 = min(column + 10u, columns - 1u) * k;
  let column11 = min(column + 11u, columns - 1u) * k;
  let column12 = min(column + 12u, columns - 1u) * k;
  let column13 = min(column + 13u, columns - 1u) * k;
  let column14 = min(column + 14u, columns - 1u) * k;
  let column15 = min(column + 15u, columns - 1u) * k;

  var y0a = vec4f(); var y0b = vec4f(); var y0c = vec4f(); var y0d = vec4f();
  var y1a = vec4f(); var y1b = vec4f(); var y1c = vec4f(); var y1d = vec4f();
  var y2a = vec4f(); var y2b = vec4f(); var y2c = vec4f(); var y2d = vec4f();
  var y3a = vec4f(); var y3b = vec4f(); var y3c = vec4f(); var y3d = vec4f();
  var y4a = vec4f(); var y4b = vec4f(); var y4c = vec4f(); var y4d = vec4f();
  var y5a = vec4f(); var y5b = vec4f(); var y5c = vec4f(); var y5d = vec4f();
  var y6a = vec4f(); var y6b = vec4f(); var y6c = vec4f(); var y6d = vec4f();
  var y7a = vec4f(); var y7b = vec4f(); var y7c = vec4f(); var y7d = vec4f();
  var y8a = vec4f(); var y8b = vec4f(); var y8c = vec4f(); var y8d = vec4f();
  var y9a = vec4f(); var y9b = vec4f(); var y9c = vec4f(); var y9d = vec4f();
  var y10a = vec4f(); var y10b = vec4f(); var y10c = vec4f(); var y10d = vec4f();
  var y11a = vec4f(); var y11b = vec4f(); var y11c = vec4f(); var y11d = vec4f();
  var y12a = vec4f(); var y12b = vec4f(); var y12c = vec4f(); var y12d = vec4f();
  var y13a = vec4f(); var y13b = vec4f(); var y13c = vec4f(); var y13d = vec4f();
  var y14a = vec4f(); var y14b = vec4f(); var y14c = vec4f(); var y14d = vec4f();
  var y15a = vec4f(); var y15b = vec4f(); var y15c = vec4f(); var y15d = vec4f();

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
      let b8 = load_b(b + column8, left);
      let b9 = load_b(b + column9, left);
      let b10 = load_b(b + column10, left);
      let b11 = load_b(b + column11, left);
      let b12 = load_b(b + column12, left);
      let b13 = load_b(b + column13, left);
      let b14 = load_b(b + column14, left);
      let b15 = load_b(b + column15, left);
      // Four columns of B at four steps of the depth: a vec4 of A times such a matrix is four sums of four products.
      let ba = mat4x4f(b0, b1, b2, b3);
      let bb = mat4x4f(b4, b5, b6, b7);
      let bc = mat4x4f(b8, b9, b10, b11);
      let bd = mat4x4f(b12, b13, b14, b15);
      let x0 = load_a_or_zero(a0, d, left);
      y0a += x0 * ba;
      y0b += x0 * bb;
      y0c += x0 * bc;
      y0d += x0 * bd;
      let x1 = load_a_or_zero(a1, d, left);
      y1a += x1 * ba;
      y1b += x1 * bb;
      y1c += x1 * bc;
      y1d += x1 * bd;
      let x2 = load_a_or_zero(a2, d, left);
      y2a += x2 * ba;
      y2b += x2 * bb;
      y2c += x2 * bc;
      y2d += x2 * bd;
      let x3 = load_a_or_zero(a3, d, left);
      y3a += x3 * ba;
      y3b += x3 * bb;
      y3c += x3 * bc;
      y3d += x3 * bd;
      let x4 = load_a_or_zero(a4, d, left);
      y4a += x4 * ba;
      y4b += x4 * bb;
      y4c += x4 * bc;
      y4d += x4 * bd;
      let x5 = load_a_or_zero(a5, d, left);
      y5a += x5 * ba;
      y5b += x5 * bb;
      y5c += x5 * bc;
      y5d += x5 * bd;
      let x6 = load_a_or_zero(a6, d, left);
      y6a += x6 * ba;
      y6b += x6 * bb;
      y6c += x6 * bc;
      y6d += x6 * bd;
      let x7 = load_a_or_zero(a7, d, left);
      y7a += x7 * ba;
      y7b += x7 * bb;
      y7c += x7 * bc;
      y7d += x7 * bd;
      let x8 = load_a_or_zero(a8, d, left);
      y8a += x8 * ba;
      y8b += x8 * bb;
      y8c += x8 * bc;
      y8d += x8 * bd;
      let x9 = load_a_or_zero(a9, d, left);
      y9a += x9 * ba;
      y9b += x9 * bb;
      y9c += x9 * bc;
      y9d += x9 * bd;
      let x10 = load_a_or_zero(a10, d, left);
      y10a += x10 * ba;
      y10b += x10 * bb;
      y10c += x10 * bc;
      y10d += x10 * bd;
      let x11 = load_a_or_zero(a11, d, left);
      y11a += x11 * ba;
      y11b += x11 * bb;
      y11c += x11 * bc;
      y11d += x11 * bd;
      let x12 = load_a_or_zero(a12, d, left);
      y12a += x12 * ba;
      y12b += x12 * bb;
      y12c += x12 * bc;
      y12d += x12 * bd;
      let x13 = load_a_or_zero(a13, d, left);
      y13a += x13 * ba;
      y13b += x13 * bb;
      y13c += x13 * bc;
      y13d += x13 * bd;
      let x14 = load_a_or_zero(a14, d, left);
      y14a += x14 * ba;
      y14b += x14 * bb;
      y14c += x14 * bc;
      y14d += x14 * bd;
      let x15 = load_a_or_zero(a15, d, left);
      y15a += x15 * ba;
      y15b += x15 * bb;
      y15c += x15 * bc;
      y15d += x15 * bd;
    }
  }

  // One store in a loop: a CPU adapter compiles every store to a branch a lane.
  var y = array<vec4f, 64>(
    y0a, y0b, y0c, y0d,
    y1a, y1b, y1c, y1d,
    y2a, y2b, y2c, y2d,
    y3a, y3b, y3c, y3d,
    y4a, y4b, y4c, y4d,
    y5a, y5b, y5c, y5d,
    y6a, y6b, y6c, y6d,
    y7a, y7b, y7c, y7d,
    y8a, y8b, y8c, y8d,
    y9a, y9b, y9c, y9d,
    y10a, y10b, y10c, y10d,
    y11a, y11b, y11c, y11d,
    y12a, y12b, y12c, y12d,
    y13a, y13b, y13c, y13d,
    y14a, y14b, y14c, y14d,
    y15a, y15b, y15c, y15d,
  );
  for (var i = 0u; i < 16u; i++) {
    let pixel = row_at(part, row + i);
    for (var j = 0u; j < 4u; j++) { store(pixel, column + 4u * j, y[4u * i + j]); }
  }
}

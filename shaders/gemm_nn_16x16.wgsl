// gemm_nn_16x16: the micro-kernel of conv2d's forward pass and of dense's: y = A · B, both read along their contiguous side.
//
// A thread computes 16 rows × 16 columns of y in 64 named vec4f, so that they stay in registers. Per four steps of the
// depth it loads 16 vec4 of A and 16 of B and does 1024 multiply-adds, sixteen at a time: a row's four steps times the
// matrix of four columns. A tap that is on the padding for all rows is left out. No shared memory: on a CPU adapter it
// only costs, on a GPU the cache carries the reuse between neighbouring threads (which take neighbouring columns).
//
// Joined after a reader (conv2d.wgsl), which says what rows, columns, taps and depth are, and after a storage file.
// A workgroup is 16 such threads; a tile of the grid is one workgroup.

@compute @workgroup_size(16)
fn gemm_nn_16x16(
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
  let rows = gemm_rows();
  if (row >= rows) { return; }

  // Rows past the end repeat the last one and are not stored.
  let row0 = row_at(min(row + 0u, rows - 1u));
  let row1 = row_at(min(row + 1u, rows - 1u));
  let row2 = row_at(min(row + 2u, rows - 1u));
  let row3 = row_at(min(row + 3u, rows - 1u));
  let row4 = row_at(min(row + 4u, rows - 1u));
  let row5 = row_at(min(row + 5u, rows - 1u));
  let row6 = row_at(min(row + 6u, rows - 1u));
  let row7 = row_at(min(row + 7u, rows - 1u));
  let row8 = row_at(min(row + 8u, rows - 1u));
  let row9 = row_at(min(row + 9u, rows - 1u));
  let row10 = row_at(min(row + 10u, rows - 1u));
  let row11 = row_at(min(row + 11u, rows - 1u));
  let row12 = row_at(min(row + 12u, rows - 1u));
  let row13 = row_at(min(row + 13u, rows - 1u));
  let row14 = row_at(min(row + 14u, rows - 1u));
  let row15 = row_at(min(row + 15u, rows - 1u));

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

  // How many columns are left for each vec4; one past the end reads the first's place again and is not stored.
  let left_a = columns - column;
  let left_b = left_a - min(4u, left_a);
  let left_b_at = select(0u, 4u, left_b > 0u);
  let left_c = left_b - min(4u, left_b);
  let left_c_at = select(0u, 8u, left_c > 0u);
  let left_d = left_c - min(4u, left_c);
  let left_d_at = select(0u, 12u, left_d > 0u);
  for (var t = 0u; t < gemm_taps(); t++) {
    let tap = tap_at(t);
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
    var b = tap.b + column;
    for (var d = 0u; d < depth; d += 4u) {
      let left = depth - d;
      let b0a = load_b(b, left_a); let b0b = load_b(b + left_b_at, left_b); let b0c = load_b(b + left_c_at, left_c); let b0d = load_b(b + left_d_at, left_d); b += select(0u, columns, left > 1u);
      let b1a = load_b(b, left_a); let b1b = load_b(b + left_b_at, left_b); let b1c = load_b(b + left_c_at, left_c); let b1d = load_b(b + left_d_at, left_d); b += select(0u, columns, left > 2u);
      let b2a = load_b(b, left_a); let b2b = load_b(b + left_b_at, left_b); let b2c = load_b(b + left_c_at, left_c); let b2d = load_b(b + left_d_at, left_d); b += select(0u, columns, left > 3u);
      let b3a = load_b(b, left_a); let b3b = load_b(b + left_b_at, left_b); let b3c = load_b(b + left_c_at, left_c); let b3d = load_b(b + left_d_at, left_d); b += columns;
      let ba = transpose(mat4x4f(b0a, b1a, b2a, b3a)); let bb = transpose(mat4x4f(b0b, b1b, b2b, b3b)); let bc = transpose(mat4x4f(b0c, b1c, b2c, b3c)); let bd = transpose(mat4x4f(b0d, b1d, b2d, b3d));
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
  for (var i = 0u; i < min(16u, rows - row); i++) {
    let output = output_at(row + i);
    for (var j = 0u; j < 4u; j++) { store(output, column + 4u * j, y[4u * i + j]); }
  }
}

// gemm_nn_16x16: the micro-kernel of conv2d's forward pass and of dense's: y = A · B, both read along their contiguous side.
//
// A thread computes 16 rows × 16 columns of y in 64 named vec4f, so that they stay in registers. Per four steps of the
// depth it loads 16 vec4 of A and 16 of B and does 1024 multiply-adds. No shared memory: on a CPU adapter it only
// costs, on a GPU the cache carries the reuse between neighbouring threads (which take neighbouring columns).
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

  let depth = gemm_depth();

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
    var b = tap.b + column;
    for (var d = 0u; d < depth; d += 4u) {
      let left = depth - d;
      let b0a = load_b(b, left_a); let b0b = load_b(b + left_b_at, left_b); let b0c = load_b(b + left_c_at, left_c); let b0d = load_b(b + left_d_at, left_d); b += select(0u, columns, left > 1u);
      let b1a = load_b(b, left_a); let b1b = load_b(b + left_b_at, left_b); let b1c = load_b(b + left_c_at, left_c); let b1d = load_b(b + left_d_at, left_d); b += select(0u, columns, left > 2u);
      let b2a = load_b(b, left_a); let b2b = load_b(b + left_b_at, left_b); let b2c = load_b(b + left_c_at, left_c); let b2d = load_b(b + left_d_at, left_d); b += select(0u, columns, left > 3u);
      let b3a = load_b(b, left_a); let b3b = load_b(b + left_b_at, left_b); let b3c = load_b(b + left_c_at, left_c); let b3d = load_b(b + left_d_at, left_d); b += columns;
      let x0 = load_a_or_zero(a0, d, left);
      y0a = fma(vec4f(x0.w), b3a, fma(vec4f(x0.z), b2a, fma(vec4f(x0.y), b1a, fma(vec4f(x0.x), b0a, y0a))));
      y0b = fma(vec4f(x0.w), b3b, fma(vec4f(x0.z), b2b, fma(vec4f(x0.y), b1b, fma(vec4f(x0.x), b0b, y0b))));
      y0c = fma(vec4f(x0.w), b3c, fma(vec4f(x0.z), b2c, fma(vec4f(x0.y), b1c, fma(vec4f(x0.x), b0c, y0c))));
      y0d = fma(vec4f(x0.w), b3d, fma(vec4f(x0.z), b2d, fma(vec4f(x0.y), b1d, fma(vec4f(x0.x), b0d, y0d))));
      let x1 = load_a_or_zero(a1, d, left);
      y1a = fma(vec4f(x1.w), b3a, fma(vec4f(x1.z), b2a, fma(vec4f(x1.y), b1a, fma(vec4f(x1.x), b0a, y1a))));
      y1b = fma(vec4f(x1.w), b3b, fma(vec4f(x1.z), b2b, fma(vec4f(x1.y), b1b, fma(vec4f(x1.x), b0b, y1b))));
      y1c = fma(vec4f(x1.w), b3c, fma(vec4f(x1.z), b2c, fma(vec4f(x1.y), b1c, fma(vec4f(x1.x), b0c, y1c))));
      y1d = fma(vec4f(x1.w), b3d, fma(vec4f(x1.z), b2d, fma(vec4f(x1.y), b1d, fma(vec4f(x1.x), b0d, y1d))));
      let x2 = load_a_or_zero(a2, d, left);
      y2a = fma(vec4f(x2.w), b3a, fma(vec4f(x2.z), b2a, fma(vec4f(x2.y), b1a, fma(vec4f(x2.x), b0a, y2a))));
      y2b = fma(vec4f(x2.w), b3b, fma(vec4f(x2.z), b2b, fma(vec4f(x2.y), b1b, fma(vec4f(x2.x), b0b, y2b))));
      y2c = fma(vec4f(x2.w), b3c, fma(vec4f(x2.z), b2c, fma(vec4f(x2.y), b1c, fma(vec4f(x2.x), b0c, y2c))));
      y2d = fma(vec4f(x2.w), b3d, fma(vec4f(x2.z), b2d, fma(vec4f(x2.y), b1d, fma(vec4f(x2.x), b0d, y2d))));
      let x3 = load_a_or_zero(a3, d, left);
      y3a = fma(vec4f(x3.w), b3a, fma(vec4f(x3.z), b2a, fma(vec4f(x3.y), b1a, fma(vec4f(x3.x), b0a, y3a))));
      y3b = fma(vec4f(x3.w), b3b, fma(vec4f(x3.z), b2b, fma(vec4f(x3.y), b1b, fma(vec4f(x3.x), b0b, y3b))));
      y3c = fma(vec4f(x3.w), b3c, fma(vec4f(x3.z), b2c, fma(vec4f(x3.y), b1c, fma(vec4f(x3.x), b0c, y3c))));
      y3d = fma(vec4f(x3.w), b3d, fma(vec4f(x3.z), b2d, fma(vec4f(x3.y), b1d, fma(vec4f(x3.x), b0d, y3d))));
      let x4 = load_a_or_zero(a4, d, left);
      y4a = fma(vec4f(x4.w), b3a, fma(vec4f(x4.z), b2a, fma(vec4f(x4.y), b1a, fma(vec4f(x4.x), b0a, y4a))));
      y4b = fma(vec4f(x4.w), b3b, fma(vec4f(x4.z), b2b, fma(vec4f(x4.y), b1b, fma(vec4f(x4.x), b0b, y4b))));
      y4c = fma(vec4f(x4.w), b3c, fma(vec4f(x4.z), b2c, fma(vec4f(x4.y), b1c, fma(vec4f(x4.x), b0c, y4c))));
      y4d = fma(vec4f(x4.w), b3d, fma(vec4f(x4.z), b2d, fma(vec4f(x4.y), b1d, fma(vec4f(x4.x), b0d, y4d))));
      let x5 = load_a_or_zero(a5, d, left);
      y5a = fma(vec4f(x5.w), b3a, fma(vec4f(x5.z), b2a, fma(vec4f(x5.y), b1a, fma(vec4f(x5.x), b0a, y5a))));
      y5b = fma(vec4f(x5.w), b3b, fma(vec4f(x5.z), b2b, fma(vec4f(x5.y), b1b, fma(vec4f(x5.x), b0b, y5b))));
      y5c = fma(vec4f(x5.w), b3c, fma(vec4f(x5.z), b2c, fma(vec4f(x5.y), b1c, fma(vec4f(x5.x), b0c, y5c))));
      y5d = fma(vec4f(x5.w), b3d, fma(vec4f(x5.z), b2d, fma(vec4f(x5.y), b1d, fma(vec4f(x5.x), b0d, y5d))));
      let x6 = load_a_or_zero(a6, d, left);
      y6a = fma(vec4f(x6.w), b3a, fma(vec4f(x6.z), b2a, fma(vec4f(x6.y), b1a, fma(vec4f(x6.x), b0a, y6a))));
      y6b = fma(vec4f(x6.w), b3b, fma(vec4f(x6.z), b2b, fma(vec4f(x6.y), b1b, fma(vec4f(x6.x), b0b, y6b))));
      y6c = fma(vec4f(x6.w), b3c, fma(vec4f(x6.z), b2c, fma(vec4f(x6.y), b1c, fma(vec4f(x6.x), b0c, y6c))));
      y6d = fma(vec4f(x6.w), b3d, fma(vec4f(x6.z), b2d, fma(vec4f(x6.y), b1d, fma(vec4f(x6.x), b0d, y6d))));
      let x7 = load_a_or_zero(a7, d, left);
      y7a = fma(vec4f(x7.w), b3a, fma(vec4f(x7.z), b2a, fma(vec4f(x7.y), b1a, fma(vec4f(x7.x), b0a, y7a))));
      y7b = fma(vec4f(x7.w), b3b, fma(vec4f(x7.z), b2b, fma(vec4f(x7.y), b1b, fma(vec4f(x7.x), b0b, y7b))));
      y7c = fma(vec4f(x7.w), b3c, fma(vec4f(x7.z), b2c, fma(vec4f(x7.y), b1c, fma(vec4f(x7.x), b0c, y7c))));
      y7d = fma(vec4f(x7.w), b3d, fma(vec4f(x7.z), b2d, fma(vec4f(x7.y), b1d, fma(vec4f(x7.x), b0d, y7d))));
      let x8 = load_a_or_zero(a8, d, left);
      y8a = fma(vec4f(x8.w), b3a, fma(vec4f(x8.z), b2a, fma(vec4f(x8.y), b1a, fma(vec4f(x8.x), b0a, y8a))));
      y8b = fma(vec4f(x8.w), b3b, fma(vec4f(x8.z), b2b, fma(vec4f(x8.y), b1b, fma(vec4f(x8.x), b0b, y8b))));
      y8c = fma(vec4f(x8.w), b3c, fma(vec4f(x8.z), b2c, fma(vec4f(x8.y), b1c, fma(vec4f(x8.x), b0c, y8c))));
      y8d = fma(vec4f(x8.w), b3d, fma(vec4f(x8.z), b2d, fma(vec4f(x8.y), b1d, fma(vec4f(x8.x), b0d, y8d))));
      let x9 = load_a_or_zero(a9, d, left);
      y9a = fma(vec4f(x9.w), b3a, fma(vec4f(x9.z), b2a, fma(vec4f(x9.y), b1a, fma(vec4f(x9.x), b0a, y9a))));
      y9b = fma(vec4f(x9.w), b3b, fma(vec4f(x9.z), b2b, fma(vec4f(x9.y), b1b, fma(vec4f(x9.x), b0b, y9b))));
      y9c = fma(vec4f(x9.w), b3c, fma(vec4f(x9.z), b2c, fma(vec4f(x9.y), b1c, fma(vec4f(x9.x), b0c, y9c))));
      y9d = fma(vec4f(x9.w), b3d, fma(vec4f(x9.z), b2d, fma(vec4f(x9.y), b1d, fma(vec4f(x9.x), b0d, y9d))));
      let x10 = load_a_or_zero(a10, d, left);
      y10a = fma(vec4f(x10.w), b3a, fma(vec4f(x10.z), b2a, fma(vec4f(x10.y), b1a, fma(vec4f(x10.x), b0a, y10a))));
      y10b = fma(vec4f(x10.w), b3b, fma(vec4f(x10.z), b2b, fma(vec4f(x10.y), b1b, fma(vec4f(x10.x), b0b, y10b))));
      y10c = fma(vec4f(x10.w), b3c, fma(vec4f(x10.z), b2c, fma(vec4f(x10.y), b1c, fma(vec4f(x10.x), b0c, y10c))));
      y10d = fma(vec4f(x10.w), b3d, fma(vec4f(x10.z), b2d, fma(vec4f(x10.y), b1d, fma(vec4f(x10.x), b0d, y10d))));
      let x11 = load_a_or_zero(a11, d, left);
      y11a = fma(vec4f(x11.w), b3a, fma(vec4f(x11.z), b2a, fma(vec4f(x11.y), b1a, fma(vec4f(x11.x), b0a, y11a))));
      y11b = fma(vec4f(x11.w), b3b, fma(vec4f(x11.z), b2b, fma(vec4f(x11.y), b1b, fma(vec4f(x11.x), b0b, y11b))));
      y11c = fma(vec4f(x11.w), b3c, fma(vec4f(x11.z), b2c, fma(vec4f(x11.y), b1c, fma(vec4f(x11.x), b0c, y11c))));
      y11d = fma(vec4f(x11.w), b3d, fma(vec4f(x11.z), b2d, fma(vec4f(x11.y), b1d, fma(vec4f(x11.x), b0d, y11d))));
      let x12 = load_a_or_zero(a12, d, left);
      y12a = fma(vec4f(x12.w), b3a, fma(vec4f(x12.z), b2a, fma(vec4f(x12.y), b1a, fma(vec4f(x12.x), b0a, y12a))));
      y12b = fma(vec4f(x12.w), b3b, fma(vec4f(x12.z), b2b, fma(vec4f(x12.y), b1b, fma(vec4f(x12.x), b0b, y12b))));
      y12c = fma(vec4f(x12.w), b3c, fma(vec4f(x12.z), b2c, fma(vec4f(x12.y), b1c, fma(vec4f(x12.x), b0c, y12c))));
      y12d = fma(vec4f(x12.w), b3d, fma(vec4f(x12.z), b2d, fma(vec4f(x12.y), b1d, fma(vec4f(x12.x), b0d, y12d))));
      let x13 = load_a_or_zero(a13, d, left);
      y13a = fma(vec4f(x13.w), b3a, fma(vec4f(x13.z), b2a, fma(vec4f(x13.y), b1a, fma(vec4f(x13.x), b0a, y13a))));
      y13b = fma(vec4f(x13.w), b3b, fma(vec4f(x13.z), b2b, fma(vec4f(x13.y), b1b, fma(vec4f(x13.x), b0b, y13b))));
      y13c = fma(vec4f(x13.w), b3c, fma(vec4f(x13.z), b2c, fma(vec4f(x13.y), b1c, fma(vec4f(x13.x), b0c, y13c))));
      y13d = fma(vec4f(x13.w), b3d, fma(vec4f(x13.z), b2d, fma(vec4f(x13.y), b1d, fma(vec4f(x13.x), b0d, y13d))));
      let x14 = load_a_or_zero(a14, d, left);
      y14a = fma(vec4f(x14.w), b3a, fma(vec4f(x14.z), b2a, fma(vec4f(x14.y), b1a, fma(vec4f(x14.x), b0a, y14a))));
      y14b = fma(vec4f(x14.w), b3b, fma(vec4f(x14.z), b2b, fma(vec4f(x14.y), b1b, fma(vec4f(x14.x), b0b, y14b))));
      y14c = fma(vec4f(x14.w), b3c, fma(vec4f(x14.z), b2c, fma(vec4f(x14.y), b1c, fma(vec4f(x14.x), b0c, y14c))));
      y14d = fma(vec4f(x14.w), b3d, fma(vec4f(x14.z), b2d, fma(vec4f(x14.y), b1d, fma(vec4f(x14.x), b0d, y14d))));
      let x15 = load_a_or_zero(a15, d, left);
      y15a = fma(vec4f(x15.w), b3a, fma(vec4f(x15.z), b2a, fma(vec4f(x15.y), b1a, fma(vec4f(x15.x), b0a, y15a))));
      y15b = fma(vec4f(x15.w), b3b, fma(vec4f(x15.z), b2b, fma(vec4f(x15.y), b1b, fma(vec4f(x15.x), b0b, y15b))));
      y15c = fma(vec4f(x15.w), b3c, fma(vec4f(x15.z), b2c, fma(vec4f(x15.y), b1c, fma(vec4f(x15.x), b0c, y15c))));
      y15d = fma(vec4f(x15.w), b3d, fma(vec4f(x15.z), b2d, fma(vec4f(x15.y), b1d, fma(vec4f(x15.x), b0d, y15d))));
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
  for (var i = 0u; i < 64u; i++) { store(row + i / 4u, column + i % 4u * 4u, y[i]); }
}

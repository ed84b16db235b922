// gemm_nn_8x8: the micro-kernel of conv2d's forward pass and of dense's: y = A · B, both read along their contiguous side.
//
// A thread computes 8 rows × 8 columns of y in 16 named vec4f, so that they stay in registers. Per four steps of the
// depth it loads 8 vec4 of A and 8 of B and does 256 multiply-adds, sixteen at a time: a row's four steps times the
// matrix of four columns. A tap that is on the padding for all rows is left out. No shared memory: on a CPU adapter it
// only costs, on a GPU the cache carries the reuse between neighbouring threads (which take neighbouring columns).
//
// Joined after a reader (conv2d.wgsl), which says what rows, columns, taps and depth are, and after a storage file.
// A workgroup is 64 such threads; a tile of the grid is one workgroup.

@compute @workgroup_size(64)
fn gemm_nn_8x8(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }
  let thread = tile * 64u + lane;
  let columns = gemm_columns();
  let column_tiles = (columns + 7u) / 8u;
  let column = thread % column_tiles * 8u;
  let row = thread / column_tiles * 8u;
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

  var y0a = vec4f(); var y0b = vec4f();
  var y1a = vec4f(); var y1b = vec4f();
  var y2a = vec4f(); var y2b = vec4f();
  var y3a = vec4f(); var y3b = vec4f();
  var y4a = vec4f(); var y4b = vec4f();
  var y5a = vec4f(); var y5b = vec4f();
  var y6a = vec4f(); var y6b = vec4f();
  var y7a = vec4f(); var y7b = vec4f();

  // How many columns are left for each vec4; one past the end reads the first's place again and is not stored.
  let left_a = columns - column;
  let left_b = left_a - min(4u, left_a);
  let left_b_at = select(0u, 4u, left_b > 0u);
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
    let depth = depth_at(a0);
    var b = tap.b + column;
    for (var d = 0u; d < depth; d += 4u) {
      let left = depth - d;
      let b0a = load_b(b, left_a); let b0b = load_b(b + left_b_at, left_b); b += select(0u, columns, left > 1u);
      let b1a = load_b(b, left_a); let b1b = load_b(b + left_b_at, left_b); b += select(0u, columns, left > 2u);
      let b2a = load_b(b, left_a); let b2b = load_b(b + left_b_at, left_b); b += select(0u, columns, left > 3u);
      let b3a = load_b(b, left_a); let b3b = load_b(b + left_b_at, left_b); b += columns;
      let ba = transpose(mat4x4f(b0a, b1a, b2a, b3a)); let bb = transpose(mat4x4f(b0b, b1b, b2b, b3b));
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
    }
  }

  // One store in a loop: a CPU adapter compiles every store to a branch a lane.
  var y = array<vec4f, 16>(
    y0a, y0b,
    y1a, y1b,
    y2a, y2b,
    y3a, y3b,
    y4a, y4b,
    y5a, y5b,
    y6a, y6b,
    y7a, y7b,
  );
  for (var i = 0u; i < min(8u, rows - row); i++) {
    let output = output_at(row + i);
    for (var j = 0u; j < 2u; j++) { store(output, column + 4u * j, y[2u * i + j]); }
  }
}

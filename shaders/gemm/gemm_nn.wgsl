// gemm_nn: the micro-kernel of the forward passes of conv2d and dense: y = A · B, each read along its contiguous axis.
//
// A thread computes ROWS × 4·QUADS outputs, kept in named vec4f so that they stay in registers. Per four steps of the depth
// it loads ROWS vec4 of A and 4·QUADS of B and does 16·ROWS·QUADS multiply-adds, sixteen at a time: a row's four steps times
// a matrix of four columns. A tap that is on the padding for all rows is skipped. Shared memory is not used: on a CPU
// adapter it only adds work, and on a GPU the cache serves neighbouring threads, which compute neighbouring columns.
//
// Joined after a reader (conv2d.wgsl or conv2d_lines.wgsl), which defines rows, columns, taps and depth, and a storage file.
// A workgroup is THREADS threads. `@repeat` is explained in shaders/README.md. Test: test/kernels/conv2d.test.ts.

override ROWS = 8u;
override QUADS = 2u;
override THREADS = 64u;

@compute @workgroup_size(THREADS)
fn gemm_nn(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }
  let thread = tile * THREADS + lane;
  let columns = gemm_columns();
  let column_tiles = (columns + (4u * QUADS - 1u)) / (4u * QUADS);
  let column = thread % column_tiles * (4u * QUADS);
  let row = thread / column_tiles * ROWS;
  let rows = gemm_rows();
  if (row >= rows) { return; }

  // Rows past the end repeat the last row and are not stored.
  // @repeat i in 0..ROWS
  let row_i = row_at(min(row + i, rows - 1u));

  // @repeat i in 0..ROWS
  // @repeat j in 0..QUADS
  var y_i_j = vec4f();

  // How many columns are left for each vec4. One past the end reads the first vec4 again and is not stored.
  // @repeat j in 0..QUADS
  {
    let left_j = columns - min(columns, column + 4u * j);
    let at_j = select(0u, 4u * j, left_j > 0u);
  }

  for (var t = 0u; t < gemm_taps(); t++) {
    let tap = tap_at(t);
    // @repeat i in 0..ROWS
    let a_i = a_offset(row_i, tap);
    let depth = depth_at(a_0);
    var b = tap.b + column;
    for (var d = 0u; d < depth; d += 4u) {
      let left = depth - d;
      // Four steps of the depth. Steps past its end read the last one again; A is zero there.
      // @repeat s in 0..4
      {
        // @repeat j in 0..QUADS
        let b_s_j = load_b(b + at_j, left_j);
        b += select(0u, columns, left > s + 1u);
      }
      // @repeat j in 0..QUADS
      let b_j = transpose(mat4x4f(b_0_j, b_1_j, b_2_j, b_3_j));
      // @repeat i in 0..ROWS
      {
        let x_i = load_a_or_zero(a_i, d, left);
        // @repeat j in 0..QUADS
        y_i_j += x_i * b_j;
      }
    }
  }

  // A single store inside a loop: CPU adapters compile each store into a branch per lane.
  var y = array(
    // @repeat i in 0..ROWS
    // @repeat j in 0..QUADS
    y_i_j,
  );
  for (var i = 0u; i < min(ROWS, rows - row); i++) {
    let output = output_at(row + i);
    for (var j = 0u; j < QUADS; j++) { store(output, column + 4u * j, y[QUADS * i + j]); }
  }
}

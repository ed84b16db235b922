// gemm_nt: the micro-kernel of the input gradients of conv2d (= transposed conv2d's forward pass) and dense: y = A · Bᵀ.
//
// Both operands are contiguous along the depth. A thread computes ROWS × 4·QUADS outputs, kept in named vec4f: per four
// steps of the depth it loads ROWS vec4 of A and 4·QUADS of B and does 16·ROWS·QUADS multiply-adds, sixteen at a time: a
// row's four steps times a matrix of four columns. A tap that is on the padding for all rows is skipped.
//
// Joined after a reader (conv2d_input_gradient.wgsl) and a storage file. A workgroup is THREADS threads. `@repeat` is
// explained in shaders/README.md. Test: test/kernels/conv2d.test.ts.

override ROWS = 8u;
override QUADS = 2u;
override THREADS = 64u;

@compute @workgroup_size(THREADS)
fn gemm_nt(
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
  if (row >= gemm_rows()) { return; }

  // Rows and columns past the end repeat a valid one and are not stored.
  let part = part_at(row);
  // @repeat i in 0..ROWS
  let row_i = row_at(part, row + i);
  let k = gemm_depth();
  // @repeat j in 0..QUADS
  // @repeat c in 0..4
  let column_j_c = min(column + (4u * j + c), columns - 1u) * k;

  // @repeat i in 0..ROWS
  // @repeat j in 0..QUADS
  var y_i_j = vec4f();

  for (var t = 0u; t < gemm_taps(part); t++) {
    let tap = tap_at(part, t);
    // @repeat i in 0..ROWS
    let a_i = a_offset(row_i, tap);
    let depth = depth_at(a_0);
    for (var d = 0u; d < depth; d += 4u) {
      let left = depth - d;
      let b = tap.b + d;
      // Four columns of B at four steps of the depth: a vec4 of A times this matrix is four sums of four products.
      // @repeat j in 0..QUADS
      let b_j = mat4x4f(
        // @repeat c in 0..4
        load_b(b + column_j_c, left),
      );
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
  for (var i = 0u; i < ROWS; i++) {
    let pixel = row_at(part, row + i);
    for (var j = 0u; j < QUADS; j++) { store(pixel, column + 4u * j, y[QUADS * i + j]); }
  }
}

// gemm_tn: the micro-kernel of conv2d's filter gradient and dense's weight gradient: y = Aᵀ · B, split along the depth.
//
// The depth runs over pixels. At each pixel a row of A and a row of B are contiguous, and their outer product is added. A
// thread computes 4·ROW_QUADS × 4·QUADS outputs of one split's partial sum in named vec4f, PIXELS pixels at a time: it loads
// PIXELS·(ROW_QUADS + QUADS) vec4, and reads and writes each accumulator once for all of them (a CPU adapter keeps it in
// memory). Pixels past the split's end read the first one again and count as zeros.
//
// Joined after a reader (conv2d_filter_gradient.wgsl or conv2d_filter_gradient_lines.wgsl), a storage file, and
// pixels_2.wgsl or pixels_4.wgsl. A workgroup is THREADS threads. reduce_splits.wgsl adds the splits in order. `@repeat` is
// explained in shaders/README.md. Test: test/kernels/conv2d.test.ts.

override ROW_QUADS = 2u;
override QUADS = 2u;
override THREADS = 64u;
override row_tile = 4u * ROW_QUADS;
override column_tile = 4u * QUADS;

@compute @workgroup_size(THREADS)
fn gemm_tn(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }
  let thread = tile * THREADS + lane;
  if (thread >= gemm_threads()) { return; }
  let part = part_at(thread);

  // Row 4i + r, columns 4j to 4j + 3.
  // @repeat i in 0..ROW_QUADS
  // @repeat r in 0..4
  // @repeat j in 0..QUADS
  var y_i_r_j = vec4f();

  // How many rows and columns are left for each vec4. One past the end reads the first vec4 again and is not stored.
  // @repeat i in 0..ROW_QUADS
  {
    let rows_i = part.rows_left - min(part.rows_left, 4u * i);
    let row_at_i = select(0u, 4u * i, rows_i > 0u);
  }
  // @repeat j in 0..QUADS
  {
    let columns_j = part.columns_left - min(part.columns_left, 4u * j);
    let column_at_j = select(0u, 4u * j, columns_j > 0u);
  }

  var walk = walk_at(part);
  while (walk.left > 0u) {
    let pixel_0 = walk;
    // @repeat p in 1..PIXELS
    {
      walk = next(part, walk);
      let real_p = walk.left > 0u;
      let pixel_p = within(walk, pixel_0);
    }
    walk = next(part, walk);
    // @repeat j in 0..QUADS
    {
      let b_j_0 = load_b(pixel_0.b + column_at_j, columns_j);
      // @repeat p in 1..PIXELS
      let b_j_p = select(vec4f(), load_b(pixel_p.b + column_at_j, columns_j), real_p);
      let b_j = transpose(RowsOfPixels(
        // @repeat p in 0..PIXELS
        b_j_p,
      ));
    }
    // @repeat i in 0..ROW_QUADS
    {
      // @repeat p in 0..PIXELS
      let x_i_p = load_rows(part, pixel_p, row_at_i, rows_i);
      // @repeat r in 0..4
      {
        let row_i_r = OfPixels(
          // @repeat p in 0..PIXELS
          x_i_p[r],
        );
        // @repeat j in 0..QUADS
        y_i_r_j += row_i_r * b_j;
      }
    }
  }

  // A single store inside a loop: CPU adapters compile each store into a branch per lane.
  var y = array(
    // @repeat i in 0..ROW_QUADS
    // @repeat r in 0..4
    // @repeat j in 0..QUADS
    y_i_r_j,
  );
  for (var n = 0u; n < 4u * ROW_QUADS * QUADS; n++) { store(part, n / QUADS, n % QUADS * 4u, y[n]); }
}

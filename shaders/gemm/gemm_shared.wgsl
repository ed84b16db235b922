// gemm_shared: a tile of a matrix product that a workgroup computes together, for GPUs; serves all three passes.
//
// Without shared memory, every thread loads each value of A for its own columns. Here a workgroup loads it once for all
// TILE_COLUMNS columns, into shared memory (slab.wgsl), SLAB steps of the depth at a time. A thread computes 4·QUADS rows ×
// 4·QUADS columns in named vec4f: per step of the depth it reads QUADS vec4 of A and QUADS of B from shared memory and does
// 16·QUADS² multiply-adds. While one slab is multiplied, the next is loaded from storage into 4 registers. QUADS is 2, or 1
// for products too small to fill a GPU with tiles of 2: four times as many threads, but half as many multiply-adds per vec4
// read from shared memory.
//
// The steps of a slab are written out, not a loop: then every offset into the slab but a thread's own is a constant, and a
// compiler that checks indices can see that none is outside (docs/performance.md).
//
// With QUADS = 2 a thread's rows are two groups of four, half a tile apart, and its columns likewise: 8 neighbouring threads
// then read 8 adjacent vec4 of B, which lie in different banks. 32 threads cover 8 × 4 such positions, the closest to a
// square, and read QUADS × 8 vec4 of B and QUADS × 4 of A.
//
// Joined between stage_*.wgsl, which defines the tile's rows, columns and depth, and slab.wgsl. TILE_ROWS is a multiple of
// 16·QUADS, TILE_COLUMNS of 32·QUADS; there are at least (TILE_ROWS + TILE_COLUMNS)·SLAB/16 threads. A workgroup computes
// one tile. `@repeat` is explained in shaders/README.md.
//
// Storage reads: (TILE_ROWS + TILE_COLUMNS)·4 bytes per 2·TILE_ROWS·TILE_COLUMNS flops. Test: test/kernels/conv2d.test.ts.

override TILE_ROWS = 64u;
override TILE_COLUMNS = 64u;
override QUADS = 2u;
// Steps of the depth between two barriers.
override SLAB = 8u;
override THREADS = TILE_ROWS / (4u * QUADS) * (TILE_COLUMNS / (4u * QUADS));

@compute @workgroup_size(THREADS)
fn gemm_shared(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }
  let output_tile = tile_at(tile);
  let across = TILE_COLUMNS / (32u * QUADS);
  let row = lane / 32u / across * 4u + lane / 8u % 4u;
  let column = lane / 32u % across * 8u + lane % 8u;

  // Row r of the i-th group of four rows, the j-th group of four columns.
  // @repeat i in 0..QUADS
  // @repeat r in 0..4
  // @repeat j in 0..QUADS
  var y_i_r_j = vec4f();

  let load = load_of(lane);
  var stage = stage_at(output_tile, load);
  var block = fetch(load.of_a, next_block(output_tile, load, &stage));
  let slabs = slabs_in(output_tile);
  for (var s = 0u; s < slabs; s++) {
    // All threads must have read the previous slab before it is overwritten.
    workgroupBarrier();
    store_block(load, block);
    // The slab must be complete before it is read.
    workgroupBarrier();
    block = fetch(load.of_a, next_block(output_tile, load, &stage));
    // @repeat d in 0..SLAB
    {
      // @repeat i in 0..QUADS
      {
        let x_d_i = slab[d * A_STRIDE + row + i * (TILE_ROWS / (4u * QUADS))];
        let b_d_i = slab[B_FIRST + d * B_STRIDE + column + i * (TILE_COLUMNS / (4u * QUADS))];
      }
      // @repeat i in 0..QUADS
      // @repeat r in 0..4
      // @repeat j in 0..QUADS
      y_i_r_j = fma(vec4f(x_d_i[r]), b_d_j, y_i_r_j);
    }
  }

  // A single store inside a loop: CPU adapters compile each store into a branch per lane.
  var y = array(
    // @repeat i in 0..QUADS
    // @repeat r in 0..4
    // @repeat j in 0..QUADS
    y_i_r_j,
  );
  for (var n = 0u; n < 4u * QUADS * QUADS; n++) {
    let y_row = n / (4u * QUADS) * (TILE_ROWS / QUADS) + row * 4u + n / QUADS % 4u;
    store_output(output_tile, y_row, n % QUADS * (TILE_COLUMNS / QUADS) + column * 4u, y[n]);
  }
}

// gemm_shared: a tile of a matrix product that a workgroup computes together, for GPUs: any of the three passes.
//
// Read straight from storage, each number of A is loaded by every thread that has one of its columns. Here a workgroup
// loads it once for all TILE_COLUMNS columns, into shared memory (slab.wgsl), SLAB steps of the depth at a time. A thread
// computes 4·QUADS rows × 4·QUADS columns in named vec4f: per step of the depth it reads QUADS vec4 of A and QUADS of B
// from shared memory and does 16·QUADS² multiply-adds. While a slab is multiplied the next one is on its way from storage
// into 4 registers. QUADS is 2, or 1 for products too small to fill a GPU with tiles of 2: four times as many threads,
// each with half as many multiply-adds a vec4 that it reads from shared memory.
//
// With 2, a thread's rows and columns are two fours, half a tile apart: so 8 neighbouring threads read 8 vec4 of B that lie
// side by side, in different banks. 32 threads take 8 × 4 such places, the squarest there is: of B they read QUADS × 8
// vec4, of A QUADS × 4.
//
// Joined between stage_*.wgsl, which says what the tile's rows, columns and depth are, and slab.wgsl. TILE_ROWS is a
// multiple of 16·QUADS, TILE_COLUMNS of 32·QUADS; there are at least (TILE_ROWS + TILE_COLUMNS)·SLAB/16 threads. A tile of
// the grid is one workgroup. `@repeat`: README.md.
//
// Storage reads: (TILE_ROWS + TILE_COLUMNS)·4 bytes for 2·TILE_ROWS·TILE_COLUMNS flops. Test: test/kernels/conv2d.test.ts.

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
  let mine = tile_at(tile);
  let across = TILE_COLUMNS / (32u * QUADS);
  let row = lane / 32u / across * 4u + lane / 8u % 4u;
  let column = lane / 32u % across * 8u + lane % 8u;

  // Row r of the i-th four, columns of the j-th.
  // @repeat i in 0..QUADS
  // @repeat r in 0..4
  // @repeat j in 0..QUADS
  var y_i_r_j = vec4f();

  let place = place_at(lane);
  var stage = stage_at(mine, place);
  var block = fetch(place.of_a, next_offsets(mine, place, &stage));
  let slabs = slabs_in(mine);
  for (var s = 0u; s < slabs; s++) {
    // The slab before must have been read by all before it is overwritten.
    workgroupBarrier();
    put(place, block);
    // The slab must be whole before it is read.
    workgroupBarrier();
    block = fetch(place.of_a, next_offsets(mine, place, &stage));
    for (var d = 0u; d < SLAB; d++) {
      // @repeat i in 0..QUADS
      {
        let x_i = slab[d * A_STRIDE + row + i * (TILE_ROWS / (4u * QUADS))];
        let b_i = slab[B_FIRST + d * B_STRIDE + column + i * (TILE_COLUMNS / (4u * QUADS))];
      }
      // @repeat i in 0..QUADS
      // @repeat r in 0..4
      // @repeat j in 0..QUADS
      y_i_r_j = fma(vec4f(x_i[r]), b_j, y_i_r_j);
    }
  }

  // One store in a loop: a CPU adapter compiles every store to a branch a lane.
  var y = array(
    // @repeat i in 0..QUADS
    // @repeat r in 0..4
    // @repeat j in 0..QUADS
    y_i_r_j,
  );
  for (var n = 0u; n < 4u * QUADS * QUADS; n++) {
    let y_row = n / (4u * QUADS) * (TILE_ROWS / QUADS) + row * 4u + n / QUADS % 4u;
    finish(mine, y_row, n % QUADS * (TILE_COLUMNS / QUADS) + column * 4u, y[n]);
  }
}

// gemm_shared_8x8: a tile of a matrix product that a workgroup computes together, for GPUs: any of the three passes.
//
// Read straight from storage, each number of A is loaded by every thread that has one of its columns. Here a workgroup
// loads it once for all TILE_COLUMNS columns, into shared memory (slab.wgsl), SLAB steps of the depth at a time. A thread
// computes 8 rows × 8 columns in 16 named vec4f: per step of the depth it reads 2 vec4 of A and 2 of B from shared memory
// and does 64 multiply-adds. While a slab is multiplied the next one is on its way from storage into 4 registers.
//
// A thread's rows and columns are two fours, half a tile apart: so 8 neighbouring threads read 8 vec4 of B that lie side by
// side, in different banks. 32 threads take 8 × 4 such places, the squarest there is: of B they read 2 × 8 vec4, of A 2 × 4.
//
// Joined between stage_*.wgsl, which says what the tile's rows, columns and depth are, and slab.wgsl. TILE_ROWS is a
// multiple of 32, TILE_COLUMNS of 64; TILE_ROWS·TILE_COLUMNS/64 threads, at least (TILE_ROWS + TILE_COLUMNS)·SLAB/16. A tile
// of the grid is one workgroup.
//
// Storage reads: (TILE_ROWS + TILE_COLUMNS)·4 bytes for 2·TILE_ROWS·TILE_COLUMNS flops. Test: test/kernels/conv2d.test.ts.

override TILE_ROWS = 64u;
override TILE_COLUMNS = 64u;
// Steps of the depth between two barriers.
override SLAB = 8u;
override THREADS = TILE_ROWS / 8u * (TILE_COLUMNS / 8u);

@compute @workgroup_size(THREADS)
fn gemm_shared_8x8(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }
  let mine = tile_at(tile);
  let across = TILE_COLUMNS / 64u;
  let i = lane / 32u / across * 4u + lane / 8u % 4u;
  let j = lane / 32u % across * 8u + lane % 8u;

  var y0a = vec4f(); var y0b = vec4f();
  var y1a = vec4f(); var y1b = vec4f();
  var y2a = vec4f(); var y2b = vec4f();
  var y3a = vec4f(); var y3b = vec4f();
  var y4a = vec4f(); var y4b = vec4f();
  var y5a = vec4f(); var y5b = vec4f();
  var y6a = vec4f(); var y6b = vec4f();
  var y7a = vec4f(); var y7b = vec4f();

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
      let a = d * A_STRIDE + i;
      let b = B_FIRST + d * B_STRIDE + j;
      let xa = slab[a]; let xb = slab[a + TILE_ROWS / 8u];
      let ba = slab[b]; let bb = slab[b + TILE_COLUMNS / 8u];
      y0a = fma(vec4f(xa.x), ba, y0a); y0b = fma(vec4f(xa.x), bb, y0b);
      y1a = fma(vec4f(xa.y), ba, y1a); y1b = fma(vec4f(xa.y), bb, y1b);
      y2a = fma(vec4f(xa.z), ba, y2a); y2b = fma(vec4f(xa.z), bb, y2b);
      y3a = fma(vec4f(xa.w), ba, y3a); y3b = fma(vec4f(xa.w), bb, y3b);
      y4a = fma(vec4f(xb.x), ba, y4a); y4b = fma(vec4f(xb.x), bb, y4b);
      y5a = fma(vec4f(xb.y), ba, y5a); y5b = fma(vec4f(xb.y), bb, y5b);
      y6a = fma(vec4f(xb.z), ba, y6a); y6b = fma(vec4f(xb.z), bb, y6b);
      y7a = fma(vec4f(xb.w), ba, y7a); y7b = fma(vec4f(xb.w), bb, y7b);
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
  for (var n = 0u; n < 16u; n++) {
    let row = n / 8u * (TILE_ROWS / 2u) + i * 4u + n / 2u % 4u;
    finish(mine, row, n % 2u * (TILE_COLUMNS / 2u) + j * 4u, y[n]);
  }
}

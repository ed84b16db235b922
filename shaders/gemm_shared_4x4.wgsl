// gemm_shared_4x4: gemm_shared_8x8.wgsl with 4 rows × 4 columns a thread, for products too small to fill a GPU with larger
// tiles: four times as many threads, each with half as many multiply-adds a vec4 that it reads from shared memory.
//
// Joined between stage_*.wgsl and slab.wgsl. TILE_ROWS is a multiple of 16, TILE_COLUMNS of 32; TILE_ROWS·TILE_COLUMNS/16
// threads, at least (TILE_ROWS + TILE_COLUMNS)·SLAB/16. A tile of the grid is one workgroup.
//
// Storage reads: (TILE_ROWS + TILE_COLUMNS)·4 bytes for 2·TILE_ROWS·TILE_COLUMNS flops. Test: test/kernels/conv2d.test.ts.

override TILE_ROWS = 32u;
override TILE_COLUMNS = 32u;
// Steps of the depth between two barriers.
override SLAB = 16u;
override THREADS = TILE_ROWS / 4u * (TILE_COLUMNS / 4u);

@compute @workgroup_size(THREADS)
fn gemm_shared_4x4(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }
  let mine = tile_at(tile);
  let across = TILE_COLUMNS / 32u;
  let i = lane / 32u / across * 4u + lane / 8u % 4u;
  let j = lane / 32u % across * 8u + lane % 8u;

  var y0 = vec4f();
  var y1 = vec4f();
  var y2 = vec4f();
  var y3 = vec4f();

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
      let x = slab[d * A_STRIDE + i];
      let b = slab[B_FIRST + d * B_STRIDE + j];
      y0 = fma(vec4f(x.x), b, y0);
      y1 = fma(vec4f(x.y), b, y1);
      y2 = fma(vec4f(x.z), b, y2);
      y3 = fma(vec4f(x.w), b, y3);
    }
  }

  // One store in a loop: a CPU adapter compiles every store to a branch a lane.
  var y = array<vec4f, 4>(y0, y1, y2, y3);
  for (var n = 0u; n < 4u; n++) { finish(mine, i * 4u + n, j * 4u, y[n]); }
}

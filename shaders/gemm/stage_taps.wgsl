// stage_taps: a thread's walk through taps and depth, slab by slab: which four vec4 it fetches next.
//
// Taps are the outer loop and depth the inner one, in a single sequence of slabs, so that the first slab of a tap is fetched
// while the last one of the previous tap is multiplied. Offsets that change with the tap are computed once per tap. If the
// depth is not a multiple of SLAB, its last slab is filled up with zeros in both A and B: the values beyond might be NaN,
// and zero times NaN is NaN.
//
// Joined after stage_nn.wgsl or stage_nt.wgsl.

struct Stage {
  // The four rows of this thread's block, if it is a block of A.
  row0: Row, row1: Row, row2: Row, row3: Row,
  // The next slab: its tap, and the first step of its depth.
  tap: u32, depth: u32,
  // The offsets of the block's four vec4 in the next slab, and whether the tap has them: not on the padding.
  at: vec4u, inside: vec4<bool>,
  // The distance from slab to slab.
  slab_step: u32,
}

fn slabs_in(tile: Tile) -> u32 { return tile.taps * ((gemm_depth() + SLAB - 1u) / SLAB); }

fn stage_at(tile: Tile, load: Load) -> Stage {
  let row = load.quad * 4u;
  var stage = Stage(
    tile_row(tile, row), tile_row(tile, row + 1u), tile_row(tile, row + 2u), tile_row(tile, row + 3u),
    0u, 0u, vec4u(), vec4<bool>(), SLAB * select(b_step(), 1u, load.of_a),
  );
  begin_tap(tile, load, &stage);
  return stage;
}

fn begin_tap(tile: Tile, load: Load, stage: ptr<function, Stage>) {
  let tap = tile_tap(tile, (*stage).tap);
  let a = vec4i(
    a_offset((*stage).row0, tap),
    a_offset((*stage).row1, tap),
    a_offset((*stage).row2, tap),
    a_offset((*stage).row3, tap),
  );
  let a_at = vec4u(max(a, vec4i())) + load.step;
  (*stage).at = select(b_offsets(tile, tap, load.quad, load.step), a_at, load.of_a);
  (*stage).inside = (a >= vec4i()) | vec4<bool>(!load.of_a);
}

fn next_block(tile: Tile, load: Load, stage: ptr<function, Stage>) -> Next {
  // One slab past the last is fetched too; it is not used, so it reads as zeros.
  let in_range = vec4<bool>(((*stage).depth + load.step < gemm_depth()) & ((*stage).tap < tile.taps));
  let next = Next(select(vec4u(), (*stage).at, in_range), (*stage).inside & in_range);
  (*stage).at += (*stage).slab_step;
  (*stage).depth += SLAB;
  if ((*stage).depth >= gemm_depth()) {
    (*stage).depth = 0u;
    (*stage).tap += 1u;
    begin_tap(tile, load, stage);
  }
  return next;
}

// stage_taps: the walk of a thread through taps and depth, slab by slab: where the four vec4 lie that it fetches next.
//
// Taps outside, depth inside, in one sequence of slabs, so that the first slab of a tap is fetched while the last one of
// the tap before is multiplied. What a tap changes is worked out once a tap. A depth that is no multiple of SLAB ends in a
// slab that is filled up with zeros, of A and of B: zero times what lies behind might be NaN.
//
// Joined after stage_nn.wgsl or stage_nt.wgsl.

struct Stage {
  // Of A: the four rows of this thread's block.
  row0: Row, row1: Row, row2: Row, row3: Row,
  // The next slab: its tap, the first step of its depth.
  tap: u32, depth: u32,
  // Where the tap's depth begins, for the four vec4 of the block; negative on the padding.
  at: vec4i,
}

fn slabs_in(tile: Tile) -> u32 { return tile.taps * ((gemm_depth() + SLAB - 1u) / SLAB); }

fn stage_at(tile: Tile, place: Place) -> Stage {
  let row = place.quad * 4u;
  var stage = Stage(
    tile_row(tile, row), tile_row(tile, row + 1u), tile_row(tile, row + 2u), tile_row(tile, row + 3u), 0u, 0u, vec4i(),
  );
  stage.at = reach(tile, place, &stage);
  return stage;
}

fn reach(tile: Tile, place: Place, stage: ptr<function, Stage>) -> vec4i {
  let tap = tile_tap(tile, (*stage).tap);
  let a = vec4i(
    a_offset((*stage).row0, tap),
    a_offset((*stage).row1, tap),
    a_offset((*stage).row2, tap),
    a_offset((*stage).row3, tap),
  );
  let of_a = select(vec4i(-1), a + i32(place.step), a >= vec4i());
  return select(vec4i(b_offsets(tile, tap, place.quad, place.step)), of_a, place.of_a);
}

fn next_offsets(tile: Tile, place: Place, stage: ptr<function, Stage>) -> vec4i {
  // Behind the last slab there is one more that nobody uses.
  let some = ((*stage).depth + place.step < gemm_depth()) & ((*stage).tap < tile.taps);
  let ahead = i32((*stage).depth * select(b_step(), 1u, place.of_a));
  let offsets = select(vec4i(-1), (*stage).at + ahead, ((*stage).at >= vec4i()) & vec4<bool>(some));
  (*stage).depth += SLAB;
  if ((*stage).depth >= gemm_depth()) {
    (*stage).depth = 0u;
    (*stage).tap += 1u;
    (*stage).at = reach(tile, place, stage);
  }
  return offsets;
}

// stage_nt: the rows, columns and depth of a workgroup's tile in the input gradients of conv2d (= transposed conv2d's
// forward pass) and dense: y = A · Bᵀ. Both operands are contiguous along the depth, so both are transposed on their way
// into shared memory.
//
// A tile's rows are pixels of one phase, since phases are padded to whole tiles; so all of them have the same taps.
// Joined after conv2d_input_gradient.wgsl and storage_vec4.wgsl, before stage_taps.wgsl, which walks through taps and depth.

const a_depth_contiguous = true;
const b_depth_contiguous = true;

// The same for all threads of the workgroup.
struct Tile { part: Part, row: u32, column: u32, taps: u32 }

fn tile_at(index: u32) -> Tile {
  let column_tiles = (gemm_columns() + TILE_COLUMNS - 1u) / TILE_COLUMNS;
  let row = index / column_tiles * TILE_ROWS;
  let part = part_at(row);
  return Tile(part, row, index % column_tiles * TILE_COLUMNS, gemm_taps(part));
}

// Rows past the end repeat the last row and are not stored.
fn tile_row(tile: Tile, row: u32) -> Row { return row_at(tile.part, tile.row + row); }
fn tile_tap(tile: Tile, t: u32) -> Tap { return tap_at(tile.part, t); }

// Offsets in B of four columns at four steps of the depth, and the distance between steps. Columns past the end repeat the
// last one.
fn b_offsets(tile: Tile, tap: Tap, quad: u32, step: u32) -> vec4u {
  let columns = min(tile.column + quad * 4u + vec4u(0u, 1u, 2u, 3u), vec4u(gemm_columns() - 1u));
  return tap.b + step + columns * gemm_depth();
}
fn b_step() -> u32 { return 1u; }

fn store_output(tile: Tile, row: u32, column: u32, value: vec4f) {
  store(row_at(tile.part, tile.row + row), tile.column + column, value);
}

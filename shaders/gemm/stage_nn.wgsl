// stage_nn: the rows, columns and depth of a workgroup's tile in the forward passes of conv2d and dense: y = A · B. Each is
// read along its contiguous axis, so A is transposed on its way into shared memory.
//
// Joined after conv2d.wgsl and storage_vec4.wgsl, before stage_taps.wgsl, which walks through taps and depth.

const a_depth_contiguous = true;
const b_depth_contiguous = false;

// The same for all threads of the workgroup.
struct Tile { row: u32, column: u32, taps: u32 }

fn tile_at(index: u32) -> Tile {
  let column_tiles = (gemm_columns() + TILE_COLUMNS - 1u) / TILE_COLUMNS;
  return Tile(index / column_tiles * TILE_ROWS, index % column_tiles * TILE_COLUMNS, gemm_taps());
}

// Rows past the end repeat the last row and are not stored.
fn tile_row(tile: Tile, row: u32) -> Row { return row_at(min(tile.row + row, gemm_rows() - 1u)); }
fn tile_tap(tile: Tile, t: u32) -> Tap { return tap_at(t); }

// Offsets in B of four columns at each of four steps of the depth, and the distance between steps. Columns past the end
// repeat the last ones.
fn b_offsets(tile: Tile, tap: Tap, quad: u32, step: u32) -> vec4u {
  let columns = gemm_columns();
  let column = min(tile.column + quad * 4u, columns - 4u);
  return tap.b + column + (step + vec4u(0u, 1u, 2u, 3u)) * columns;
}
fn b_step() -> u32 { return gemm_columns(); }

fn store_output(tile: Tile, row: u32, column: u32, value: vec4f) {
  if (tile.row + row >= gemm_rows()) { return; }
  store(output_at(tile.row + row), tile.column + column, value);
}

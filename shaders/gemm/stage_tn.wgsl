// stage_tn: the rows, columns and depth of a workgroup's tile in conv2d's filter gradient and dense's weight gradient,
// y = Aᵀ · B, and a thread's walk through the depth. Both operands are contiguous across the depth.
//
// A workgroup computes TILE_ROWS channels c of one tap and TILE_COLUMNS channels k, for one split. Its depth is the pixels
// of the split's lines whose tap lies inside the picture: `lines` times `width`, numbered consecutively. A pixel is located
// by counting on from the previous one in q, p and n, like an odometer, so the loop contains no division.
//
// Joined after conv2d_filter_gradient.wgsl and storage_vec4.wgsl.

const a_depth_contiguous = false;
const b_depth_contiguous = false;

override row_tile = TILE_ROWS;
override column_tile = TILE_COLUMNS;

// The same for all threads of the workgroup.
struct Tile {
  part: Part,
  // Lines per image and pixels per line with the tap inside, at least 1; lines before the split; pixels in all.
  height: u32, width: u32, before: u32, pixels: u32,
}

fn tile_at(index: u32) -> Tile {
  let part = part_at(index);
  let before = lines_before(part, part.first_line);
  let width = part.end_q - part.first_q;
  let lines = lines_before(part, part.end_line) - before;
  return Tile(part, max(part.end_p - part.first_p, 1u), max(width, 1u), before, lines * width);
}

fn slabs_in(tile: Tile) -> u32 { return (tile.pixels + SLAB - 1u) / SLAB; }

struct Stage {
  // The block's first pixel in the next slab: its number, its position in the line and the image, its offset.
  pixel: u32, q: u32, p: u32, at: u32,
  // The distance from one pixel to the next, the extra distance at the end of a line and of an image (a step back is a
  // large u32, and sums wrap around to the right offset), and the distance over the rest of a slab.
  pixel_step: u32, line_step: u32, image_step: u32, slab_step: u32,
}

fn stage_at(tile: Tile, load: Load) -> Stage {
  let part = tile.part;
  let q = load.step % tile.width;
  let line = tile.before + load.step / tile.width;
  let p = line % tile.height;
  let n = line / tile.height;
  // Rows and columns past the end repeat the last ones and are not stored.
  let x_at = ((n * sizes.H + u32(i32((part.first_p + p) * sizes.stride) + part.h)) * sizes.W
      + u32(i32((part.first_q + q) * sizes.stride) + part.w)) * sizes.C
    + part.c + min(load.quad * 4u, part.rows_left - 4u);
  let dy_at = ((n * sizes.P + part.first_p + p) * sizes.Q + part.first_q + q) * sizes.K
    + part.k + min(load.quad * 4u, part.columns_left - 4u);
  let pixel = select(sizes.K, sizes.stride * sizes.C, load.of_a);
  let line_length = select(sizes.Q * sizes.K, sizes.stride * sizes.W * sizes.C, load.of_a);
  let image_length = select(sizes.P * sizes.Q * sizes.K, sizes.H * sizes.W * sizes.C, load.of_a);
  let rest = SLAB - 3u;
  let rest_lines = rest / tile.width;
  return Stage(
    load.step, q, p, select(dy_at, x_at, load.of_a),
    pixel, line_length - tile.width * pixel, image_length - tile.height * line_length,
    rest_lines / tile.height * image_length + rest_lines % tile.height * line_length + rest % tile.width * pixel,
  );
}

// Advances by pixels (fewer than a line has, or 1) and lines (fewer than an image has), `step` apart if nothing carries.
fn advance(tile: Tile, stage: ptr<function, Stage>, pixels: u32, lines: u32, step: u32) {
  let q = (*stage).q + pixels;
  let line_ends = q >= tile.width;
  let p = (*stage).p + lines + select(0u, 1u, line_ends);
  let image_ends = p >= tile.height;
  (*stage).q = q - select(0u, tile.width, line_ends);
  (*stage).p = p - select(0u, tile.height, image_ends);
  (*stage).at += step + select(0u, (*stage).line_step, line_ends) + select(0u, (*stage).image_step, image_ends);
}

fn next_block(tile: Tile, load: Load, stage: ptr<function, Stage>) -> Next {
  var at: vec4u;
  at.x = (*stage).at;
  advance(tile, stage, 1u, 0u, (*stage).pixel_step);
  at.y = (*stage).at;
  advance(tile, stage, 1u, 0u, (*stage).pixel_step);
  at.z = (*stage).at;
  advance(tile, stage, 1u, 0u, (*stage).pixel_step);
  at.w = (*stage).at;
  let rest = SLAB - 3u;
  advance(tile, stage, rest % tile.width, rest / tile.width % tile.height, (*stage).slab_step);
  let pixels = (*stage).pixel + vec4u(0u, 1u, 2u, 3u);
  (*stage).pixel += SLAB;
  let exists = pixels < vec4u(tile.pixels);
  return Next(select(vec4u(), at, exists), exists);
}

fn store_output(tile: Tile, row: u32, column: u32, value: vec4f) { store(tile.part, row, column, value); }

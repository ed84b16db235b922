// slab: SLAB steps of the depth of a tile's rows of A and columns of B, in workgroup memory.
//
//   slab   A's part [SLAB][TILE_ROWS/4 + 1], then B's [SLAB][TILE_COLUMNS/4 + 1], of vec4: four rows (columns) at one
//          step of the depth; (SLAB · (TILE_ROWS + TILE_COLUMNS) + 8 · SLAB) · 4 bytes
//
// A thread copies one block of 4 rows (columns) × 4 steps per slab: four vec4 from storage, four into the slab. If an
// operand is contiguous along the depth (a_depth_contiguous, b_depth_contiguous), each loaded vec4 is one row at four
// steps, and the block is transposed in registers on the way: writing v[i].x = … to shared memory may write all of v[i],
// which other threads write too.
//
// A GPU's shared memory has 32 banks of 4 bytes and serves the vec4 of 8 threads at once if they lie in different banks.
// Blocks contiguous along rows or columns do. Transposed blocks would not, since four steps are a multiple of 32 banks
// apart. Hence one vec4 of padding per step, and the order in which threads take such blocks (8 threads: 4 quads × 2 groups
// of four steps, so that two of them load 32 adjacent bytes).
//
// Joined last, after gemm_shared.wgsl, which declares the overrides TILE_ROWS, TILE_COLUMNS and SLAB (8 or 16): naga
// requires every override to precede a workgroup array that depends on one.

override A_STRIDE = TILE_ROWS / 4u + 1u;
override B_STRIDE = TILE_COLUMNS / 4u + 1u;
override B_FIRST = SLAB * A_STRIDE;
override SLAB_LENGTH = SLAB * (A_STRIDE + B_STRIDE);
override A_BLOCKS = TILE_ROWS * SLAB / 16u;
override BLOCKS = (TILE_ROWS + TILE_COLUMNS) * SLAB / 16u;

var<workgroup> slab: array<vec4f, SLAB_LENGTH>;

// The block that a thread loads: whether of A or B, whether it is transposed, its row (column) ÷ 4, and the first of its
// four steps. Threads past the last block have none.
struct Load { exists: bool, of_a: bool, transposed: bool, quad: u32, step: u32 }
// The next block: where its four vec4 are, and which of them exist. The others are zeros, and have an offset that can be read.
struct Next { at: vec4u, exists: vec4<bool> }
// A block on its way.
struct Block { v0: vec4f, v1: vec4f, v2: vec4f, v3: vec4f, exists: vec4<bool> }

fn load_of(lane: u32) -> Load {
  let of_a = lane < A_BLOCKS;
  let transposed = select(b_depth_contiguous, a_depth_contiguous, of_a);
  let block = lane - select(A_BLOCKS, 0u, of_a);
  let quads = select(TILE_COLUMNS, TILE_ROWS, of_a) / 4u;
  let group = block / 8u; // of 8 threads
  let quad = select(block % quads, group / (SLAB / 8u) * 4u + block / 2u % 4u, transposed);
  let steps = select(block / quads, group % (SLAB / 8u) * 2u + block % 2u, transposed);
  return Load(lane < BLOCKS, of_a, transposed, quad, steps * 4u);
}

// Nothing looks at the values here, not even to replace some by zeros: whoever does waits for them, and they are to arrive
// while the previous slab is multiplied.
fn fetch(of_a: bool, next: Next) -> Block {
  let at = next.at;
  var block: Block;
  if (of_a) {
    block.v0 = load_a(at.x, 4u);
    block.v1 = load_a(at.y, 4u);
    block.v2 = load_a(at.z, 4u);
    block.v3 = load_a(at.w, 4u);
  } else {
    block.v0 = load_b(at.x, 4u);
    block.v1 = load_b(at.y, 4u);
    block.v2 = load_b(at.z, 4u);
    block.v3 = load_b(at.w, 4u);
  }
  block.exists = next.exists;
  return block;
}

fn store_block(load: Load, block: Block) {
  if (!load.exists) { return; }
  let v0 = select(vec4f(), block.v0, block.exists.x);
  let v1 = select(vec4f(), block.v1, block.exists.y);
  let v2 = select(vec4f(), block.v2, block.exists.z);
  let v3 = select(vec4f(), block.v3, block.exists.w);
  let columns = transpose(mat4x4f(v0, v1, v2, v3));
  let stride = select(B_STRIDE, A_STRIDE, load.of_a);
  let at = select(B_FIRST, 0u, load.of_a) + load.step * stride + load.quad;
  slab[at] = select(v0, columns[0], load.transposed);
  slab[at + stride] = select(v1, columns[1], load.transposed);
  slab[at + 2u * stride] = select(v2, columns[2], load.transposed);
  slab[at + 3u * stride] = select(v3, columns[3], load.transposed);
}

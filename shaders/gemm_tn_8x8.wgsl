// gemm_tn_8x8: the micro-kernel of conv2d's filter gradient and of dense's weight gradient: y = Aᵀ · B, split along the depth.
//
// The depth runs over pixels; a row of A and a row of B are contiguous at each, so a pixel is an outer product. A thread
// computes 8 rows × 8 columns of one split's partial sum in 16 named vec4f, 2 pixels at a time: 8 loads of vec4 and
// 128 multiply-adds, and each accumulator is fetched and put back once for 2 of them (a CPU adapter keeps it in memory).
// A pixel past the split's end reads the first of the 2 again, and counts as zeros.
//
// Joined after a reader (conv2d_filter_gradient.wgsl) and a storage file. A workgroup is 64 threads; a tile of the
// grid is one workgroup. Splits are added up, in order, by reduce_splits.wgsl.

const row_tile = 8u;
const column_tile = 8u;

@compute @workgroup_size(64)
fn gemm_tn_8x8(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }
  let thread = tile * 64u + lane;
  if (thread >= gemm_threads()) { return; }
  let part = part_at(thread);

  var y0a = vec4f(); var y0b = vec4f();
  var y1a = vec4f(); var y1b = vec4f();
  var y2a = vec4f(); var y2b = vec4f();
  var y3a = vec4f(); var y3b = vec4f();
  var y4a = vec4f(); var y4b = vec4f();
  var y5a = vec4f(); var y5b = vec4f();
  var y6a = vec4f(); var y6b = vec4f();
  var y7a = vec4f(); var y7b = vec4f();

  // How many rows and columns are left for each vec4; one past the end reads the first's place again and is not stored.
  let rows_a = part.rows_left;
  let rows_b = rows_a - min(4u, rows_a);
  let rows_b_at = select(0u, 4u, rows_b > 0u);
  let columns_a = part.columns_left;
  let columns_b = columns_a - min(4u, columns_a);
  let columns_b_at = select(0u, 4u, columns_b > 0u);

  var walk = walk_at(part);
  while (walk.left > 0u) {
    let p0 = walk;
    walk = next(part, walk); let real1 = walk.left > 0u; let p1 = within(walk, p0);
    walk = next(part, walk);
    let b0a = load_b(p0.b, columns_a);
    let b1a = select(vec4f(), load_b(p1.b, columns_a), real1);
    let b0b = load_b(p0.b + columns_b_at, columns_b);
    let b1b = select(vec4f(), load_b(p1.b + columns_b_at, columns_b), real1);
    let ba = transpose(mat2x4f(b0a, b1a)); let bb = transpose(mat2x4f(b0b, b1b));
    let x0a = load_rows(part, p0, 0u, rows_a);
    let x1a = load_rows(part, p1, 0u, rows_a);
    y0a += vec2f(x0a.x, x1a.x) * ba;
    y0b += vec2f(x0a.x, x1a.x) * bb;
    y1a += vec2f(x0a.y, x1a.y) * ba;
    y1b += vec2f(x0a.y, x1a.y) * bb;
    y2a += vec2f(x0a.z, x1a.z) * ba;
    y2b += vec2f(x0a.z, x1a.z) * bb;
    y3a += vec2f(x0a.w, x1a.w) * ba;
    y3b += vec2f(x0a.w, x1a.w) * bb;
    let x0b = load_rows(part, p0, rows_b_at, rows_b);
    let x1b = load_rows(part, p1, rows_b_at, rows_b);
    y4a += vec2f(x0b.x, x1b.x) * ba;
    y4b += vec2f(x0b.x, x1b.x) * bb;
    y5a += vec2f(x0b.y, x1b.y) * ba;
    y5b += vec2f(x0b.y, x1b.y) * bb;
    y6a += vec2f(x0b.z, x1b.z) * ba;
    y6b += vec2f(x0b.z, x1b.z) * bb;
    y7a += vec2f(x0b.w, x1b.w) * ba;
    y7b += vec2f(x0b.w, x1b.w) * bb;
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
  for (var i = 0u; i < 16u; i++) { store(part, i / 2u, i % 2u * 4u, y[i]); }
}

// gemm_tn_16x8: the micro-kernel of conv2d's filter gradient and of dense's weight gradient: y = Aᵀ · B, split along the depth.
//
// The depth runs over pixels; a row of A and a row of B are contiguous at each, so a pixel is an outer product. A thread
// computes 16 rows × 8 columns of one split's partial sum in 32 named vec4f, 4 pixels at a time: 24 loads of vec4 and
// 512 multiply-adds, and each accumulator is fetched and put back once for 4 of them (a CPU adapter keeps it in memory).
// A pixel past the split's end reads the first of the 4 again, and counts as zeros.
//
// Joined after a reader (conv2d_filter_gradient.wgsl) and a storage file. A workgroup is 16 threads; a tile of the
// grid is one workgroup. Splits are added up, in order, by reduce_splits.wgsl.

const row_tile = 16u;
const column_tile = 8u;

@compute @workgroup_size(16)
fn gemm_tn_16x8(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }
  let thread = tile * 16u + lane;
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
  var y8a = vec4f(); var y8b = vec4f();
  var y9a = vec4f(); var y9b = vec4f();
  var y10a = vec4f(); var y10b = vec4f();
  var y11a = vec4f(); var y11b = vec4f();
  var y12a = vec4f(); var y12b = vec4f();
  var y13a = vec4f(); var y13b = vec4f();
  var y14a = vec4f(); var y14b = vec4f();
  var y15a = vec4f(); var y15b = vec4f();

  // How many rows and columns are left for each vec4; one past the end reads the first's place again and is not stored.
  let rows_a = part.rows_left;
  let rows_b = rows_a - min(4u, rows_a);
  let rows_b_at = select(0u, 4u, rows_b > 0u);
  let rows_c = rows_b - min(4u, rows_b);
  let rows_c_at = select(0u, 8u, rows_c > 0u);
  let rows_d = rows_c - min(4u, rows_c);
  let rows_d_at = select(0u, 12u, rows_d > 0u);
  let columns_a = part.columns_left;
  let columns_b = columns_a - min(4u, columns_a);
  let columns_b_at = select(0u, 4u, columns_b > 0u);

  var walk = walk_at(part);
  while (walk.left > 0u) {
    let p0 = walk;
    walk = next(part, walk); let real1 = walk.left > 0u; let p1 = within(walk, p0);
    walk = next(part, walk); let real2 = walk.left > 0u; let p2 = within(walk, p0);
    walk = next(part, walk); let real3 = walk.left > 0u; let p3 = within(walk, p0);
    walk = next(part, walk);
    let b0a = load_b(p0.b, columns_a);
    let b1a = select(vec4f(), load_b(p1.b, columns_a), real1);
    let b2a = select(vec4f(), load_b(p2.b, columns_a), real2);
    let b3a = select(vec4f(), load_b(p3.b, columns_a), real3);
    let b0b = load_b(p0.b + columns_b_at, columns_b);
    let b1b = select(vec4f(), load_b(p1.b + columns_b_at, columns_b), real1);
    let b2b = select(vec4f(), load_b(p2.b + columns_b_at, columns_b), real2);
    let b3b = select(vec4f(), load_b(p3.b + columns_b_at, columns_b), real3);
    let x0a = load_rows(part, p0, 0u, rows_a);
    let x1a = load_rows(part, p1, 0u, rows_a);
    let x2a = load_rows(part, p2, 0u, rows_a);
    let x3a = load_rows(part, p3, 0u, rows_a);
    y0a = fma(vec4f(x3a.x), b3a, fma(vec4f(x2a.x), b2a, fma(vec4f(x1a.x), b1a, fma(vec4f(x0a.x), b0a, y0a))));
    y0b = fma(vec4f(x3a.x), b3b, fma(vec4f(x2a.x), b2b, fma(vec4f(x1a.x), b1b, fma(vec4f(x0a.x), b0b, y0b))));
    y1a = fma(vec4f(x3a.y), b3a, fma(vec4f(x2a.y), b2a, fma(vec4f(x1a.y), b1a, fma(vec4f(x0a.y), b0a, y1a))));
    y1b = fma(vec4f(x3a.y), b3b, fma(vec4f(x2a.y), b2b, fma(vec4f(x1a.y), b1b, fma(vec4f(x0a.y), b0b, y1b))));
    y2a = fma(vec4f(x3a.z), b3a, fma(vec4f(x2a.z), b2a, fma(vec4f(x1a.z), b1a, fma(vec4f(x0a.z), b0a, y2a))));
    y2b = fma(vec4f(x3a.z), b3b, fma(vec4f(x2a.z), b2b, fma(vec4f(x1a.z), b1b, fma(vec4f(x0a.z), b0b, y2b))));
    y3a = fma(vec4f(x3a.w), b3a, fma(vec4f(x2a.w), b2a, fma(vec4f(x1a.w), b1a, fma(vec4f(x0a.w), b0a, y3a))));
    y3b = fma(vec4f(x3a.w), b3b, fma(vec4f(x2a.w), b2b, fma(vec4f(x1a.w), b1b, fma(vec4f(x0a.w), b0b, y3b))));
    let x0b = load_rows(part, p0, rows_b_at, rows_b);
    let x1b = load_rows(part, p1, rows_b_at, rows_b);
    let x2b = load_rows(part, p2, rows_b_at, rows_b);
    let x3b = load_rows(part, p3, rows_b_at, rows_b);
    y4a = fma(vec4f(x3b.x), b3a, fma(vec4f(x2b.x), b2a, fma(vec4f(x1b.x), b1a, fma(vec4f(x0b.x), b0a, y4a))));
    y4b = fma(vec4f(x3b.x), b3b, fma(vec4f(x2b.x), b2b, fma(vec4f(x1b.x), b1b, fma(vec4f(x0b.x), b0b, y4b))));
    y5a = fma(vec4f(x3b.y), b3a, fma(vec4f(x2b.y), b2a, fma(vec4f(x1b.y), b1a, fma(vec4f(x0b.y), b0a, y5a))));
    y5b = fma(vec4f(x3b.y), b3b, fma(vec4f(x2b.y), b2b, fma(vec4f(x1b.y), b1b, fma(vec4f(x0b.y), b0b, y5b))));
    y6a = fma(vec4f(x3b.z), b3a, fma(vec4f(x2b.z), b2a, fma(vec4f(x1b.z), b1a, fma(vec4f(x0b.z), b0a, y6a))));
    y6b = fma(vec4f(x3b.z), b3b, fma(vec4f(x2b.z), b2b, fma(vec4f(x1b.z), b1b, fma(vec4f(x0b.z), b0b, y6b))));
    y7a = fma(vec4f(x3b.w), b3a, fma(vec4f(x2b.w), b2a, fma(vec4f(x1b.w), b1a, fma(vec4f(x0b.w), b0a, y7a))));
    y7b = fma(vec4f(x3b.w), b3b, fma(vec4f(x2b.w), b2b, fma(vec4f(x1b.w), b1b, fma(vec4f(x0b.w), b0b, y7b))));
    let x0c = load_rows(part, p0, rows_c_at, rows_c);
    let x1c = load_rows(part, p1, rows_c_at, rows_c);
    let x2c = load_rows(part, p2, rows_c_at, rows_c);
    let x3c = load_rows(part, p3, rows_c_at, rows_c);
    y8a = fma(vec4f(x3c.x), b3a, fma(vec4f(x2c.x), b2a, fma(vec4f(x1c.x), b1a, fma(vec4f(x0c.x), b0a, y8a))));
    y8b = fma(vec4f(x3c.x), b3b, fma(vec4f(x2c.x), b2b, fma(vec4f(x1c.x), b1b, fma(vec4f(x0c.x), b0b, y8b))));
    y9a = fma(vec4f(x3c.y), b3a, fma(vec4f(x2c.y), b2a, fma(vec4f(x1c.y), b1a, fma(vec4f(x0c.y), b0a, y9a))));
    y9b = fma(vec4f(x3c.y), b3b, fma(vec4f(x2c.y), b2b, fma(vec4f(x1c.y), b1b, fma(vec4f(x0c.y), b0b, y9b))));
    y10a = fma(vec4f(x3c.z), b3a, fma(vec4f(x2c.z), b2a, fma(vec4f(x1c.z), b1a, fma(vec4f(x0c.z), b0a, y10a))));
    y10b = fma(vec4f(x3c.z), b3b, fma(vec4f(x2c.z), b2b, fma(vec4f(x1c.z), b1b, fma(vec4f(x0c.z), b0b, y10b))));
    y11a = fma(vec4f(x3c.w), b3a, fma(vec4f(x2c.w), b2a, fma(vec4f(x1c.w), b1a, fma(vec4f(x0c.w), b0a, y11a))));
    y11b = fma(vec4f(x3c.w), b3b, fma(vec4f(x2c.w), b2b, fma(vec4f(x1c.w), b1b, fma(vec4f(x0c.w), b0b, y11b))));
    let x0d = load_rows(part, p0, rows_d_at, rows_d);
    let x1d = load_rows(part, p1, rows_d_at, rows_d);
    let x2d = load_rows(part, p2, rows_d_at, rows_d);
    let x3d = load_rows(part, p3, rows_d_at, rows_d);
    y12a = fma(vec4f(x3d.x), b3a, fma(vec4f(x2d.x), b2a, fma(vec4f(x1d.x), b1a, fma(vec4f(x0d.x), b0a, y12a))));
    y12b = fma(vec4f(x3d.x), b3b, fma(vec4f(x2d.x), b2b, fma(vec4f(x1d.x), b1b, fma(vec4f(x0d.x), b0b, y12b))));
    y13a = fma(vec4f(x3d.y), b3a, fma(vec4f(x2d.y), b2a, fma(vec4f(x1d.y), b1a, fma(vec4f(x0d.y), b0a, y13a))));
    y13b = fma(vec4f(x3d.y), b3b, fma(vec4f(x2d.y), b2b, fma(vec4f(x1d.y), b1b, fma(vec4f(x0d.y), b0b, y13b))));
    y14a = fma(vec4f(x3d.z), b3a, fma(vec4f(x2d.z), b2a, fma(vec4f(x1d.z), b1a, fma(vec4f(x0d.z), b0a, y14a))));
    y14b = fma(vec4f(x3d.z), b3b, fma(vec4f(x2d.z), b2b, fma(vec4f(x1d.z), b1b, fma(vec4f(x0d.z), b0b, y14b))));
    y15a = fma(vec4f(x3d.w), b3a, fma(vec4f(x2d.w), b2a, fma(vec4f(x1d.w), b1a, fma(vec4f(x0d.w), b0a, y15a))));
    y15b = fma(vec4f(x3d.w), b3b, fma(vec4f(x2d.w), b2b, fma(vec4f(x1d.w), b1b, fma(vec4f(x0d.w), b0b, y15b))));
  }

  // One store in a loop: a CPU adapter compiles every store to a branch a lane.
  var y = array<vec4f, 32>(
    y0a, y0b,
    y1a, y1b,
    y2a, y2b,
    y3a, y3b,
    y4a, y4b,
    y5a, y5b,
    y6a, y6b,
    y7a, y7b,
    y8a, y8b,
    y9a, y9b,
    y10a, y10b,
    y11a, y11b,
    y12a, y12b,
    y13a, y13b,
    y14a, y14b,
    y15a, y15b,
  );
  for (var i = 0u; i < 32u; i++) { store(part, i / 2u, i % 2u * 4u, y[i]); }
}

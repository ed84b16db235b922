// gemm_tn_16x16: the micro-kernel of conv2d's filter gradient and of dense's weight gradient: y = Aᵀ · B, split along the depth.
//
// The depth runs over pixels; a row of A and a row of B are contiguous at each, so a pixel is an outer product. A thread
// computes 16 rows × 16 columns of one split's partial sum in 64 named vec4f, 4 pixels at a time: 32 loads of vec4 and
// 1024 multiply-adds, and each accumulator is fetched and put back once for 4 of them (a CPU adapter keeps it in memory).
// A pixel past the split's end reads the first of the 4 again, and counts as zeros.
//
// Joined after a reader (conv2d_filter_gradient.wgsl) and a storage file. A workgroup is 16 threads; a tile of the
// grid is one workgroup. Splits are added up, in order, by reduce_splits.wgsl.

const row_tile = 16u;
const column_tile = 16u;

@compute @workgroup_size(16)
fn gemm_tn_16x16(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }
  let thread = tile * 16u + lane;
  if (thread >= gemm_threads()) { return; }
  let part = part_at(thread);

  var y0a = vec4f(); var y0b = vec4f(); var y0c = vec4f(); var y0d = vec4f();
  var y1a = vec4f(); var y1b = vec4f(); var y1c = vec4f(); var y1d = vec4f();
  var y2a = vec4f(); var y2b = vec4f(); var y2c = vec4f(); var y2d = vec4f();
  var y3a = vec4f(); var y3b = vec4f(); var y3c = vec4f(); var y3d = vec4f();
  var y4a = vec4f(); var y4b = vec4f(); var y4c = vec4f(); var y4d = vec4f();
  var y5a = vec4f(); var y5b = vec4f(); var y5c = vec4f(); var y5d = vec4f();
  var y6a = vec4f(); var y6b = vec4f(); var y6c = vec4f(); var y6d = vec4f();
  var y7a = vec4f(); var y7b = vec4f(); var y7c = vec4f(); var y7d = vec4f();
  var y8a = vec4f(); var y8b = vec4f(); var y8c = vec4f(); var y8d = vec4f();
  var y9a = vec4f(); var y9b = vec4f(); var y9c = vec4f(); var y9d = vec4f();
  var y10a = vec4f(); var y10b = vec4f(); var y10c = vec4f(); var y10d = vec4f();
  var y11a = vec4f(); var y11b = vec4f(); var y11c = vec4f(); var y11d = vec4f();
  var y12a = vec4f(); var y12b = vec4f(); var y12c = vec4f(); var y12d = vec4f();
  var y13a = vec4f(); var y13b = vec4f(); var y13c = vec4f(); var y13d = vec4f();
  var y14a = vec4f(); var y14b = vec4f(); var y14c = vec4f(); var y14d = vec4f();
  var y15a = vec4f(); var y15b = vec4f(); var y15c = vec4f(); var y15d = vec4f();

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
  let columns_c = columns_b - min(4u, columns_b);
  let columns_c_at = select(0u, 8u, columns_c > 0u);
  let columns_d = columns_c - min(4u, columns_c);
  let columns_d_at = select(0u, 12u, columns_d > 0u);

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
    let b0c = load_b(p0.b + columns_c_at, columns_c);
    let b1c = select(vec4f(), load_b(p1.b + columns_c_at, columns_c), real1);
    let b2c = select(vec4f(), load_b(p2.b + columns_c_at, columns_c), real2);
    let b3c = select(vec4f(), load_b(p3.b + columns_c_at, columns_c), real3);
    let b0d = load_b(p0.b + columns_d_at, columns_d);
    let b1d = select(vec4f(), load_b(p1.b + columns_d_at, columns_d), real1);
    let b2d = select(vec4f(), load_b(p2.b + columns_d_at, columns_d), real2);
    let b3d = select(vec4f(), load_b(p3.b + columns_d_at, columns_d), real3);
    let x0a = load_rows(part, p0, 0u, rows_a);
    let x1a = load_rows(part, p1, 0u, rows_a);
    let x2a = load_rows(part, p2, 0u, rows_a);
    let x3a = load_rows(part, p3, 0u, rows_a);
    y0a = fma(vec4f(x3a.x), b3a, fma(vec4f(x2a.x), b2a, fma(vec4f(x1a.x), b1a, fma(vec4f(x0a.x), b0a, y0a))));
    y0b = fma(vec4f(x3a.x), b3b, fma(vec4f(x2a.x), b2b, fma(vec4f(x1a.x), b1b, fma(vec4f(x0a.x), b0b, y0b))));
    y0c = fma(vec4f(x3a.x), b3c, fma(vec4f(x2a.x), b2c, fma(vec4f(x1a.x), b1c, fma(vec4f(x0a.x), b0c, y0c))));
    y0d = fma(vec4f(x3a.x), b3d, fma(vec4f(x2a.x), b2d, fma(vec4f(x1a.x), b1d, fma(vec4f(x0a.x), b0d, y0d))));
    y1a = fma(vec4f(x3a.y), b3a, fma(vec4f(x2a.y), b2a, fma(vec4f(x1a.y), b1a, fma(vec4f(x0a.y), b0a, y1a))));
    y1b = fma(vec4f(x3a.y), b3b, fma(vec4f(x2a.y), b2b, fma(vec4f(x1a.y), b1b, fma(vec4f(x0a.y), b0b, y1b))));
    y1c = fma(vec4f(x3a.y), b3c, fma(vec4f(x2a.y), b2c, fma(vec4f(x1a.y), b1c, fma(vec4f(x0a.y), b0c, y1c))));
    y1d = fma(vec4f(x3a.y), b3d, fma(vec4f(x2a.y), b2d, fma(vec4f(x1a.y), b1d, fma(vec4f(x0a.y), b0d, y1d))));
    y2a = fma(vec4f(x3a.z), b3a, fma(vec4f(x2a.z), b2a, fma(vec4f(x1a.z), b1a, fma(vec4f(x0a.z), b0a, y2a))));
    y2b = fma(vec4f(x3a.z), b3b, fma(vec4f(x2a.z), b2b, fma(vec4f(x1a.z), b1b, fma(vec4f(x0a.z), b0b, y2b))));
    y2c = fma(vec4f(x3a.z), b3c, fma(vec4f(x2a.z), b2c, fma(vec4f(x1a.z), b1c, fma(vec4f(x0a.z), b0c, y2c))));
    y2d = fma(vec4f(x3a.z), b3d, fma(vec4f(x2a.z), b2d, fma(vec4f(x1a.z), b1d, fma(vec4f(x0a.z), b0d, y2d))));
    y3a = fma(vec4f(x3a.w), b3a, fma(vec4f(x2a.w), b2a, fma(vec4f(x1a.w), b1a, fma(vec4f(x0a.w), b0a, y3a))));
    y3b = fma(vec4f(x3a.w), b3b, fma(vec4f(x2a.w), b2b, fma(vec4f(x1a.w), b1b, fma(vec4f(x0a.w), b0b, y3b))));
    y3c = fma(vec4f(x3a.w), b3c, fma(vec4f(x2a.w), b2c, fma(vec4f(x1a.w), b1c, fma(vec4f(x0a.w), b0c, y3c))));
    y3d = fma(vec4f(x3a.w), b3d, fma(vec4f(x2a.w), b2d, fma(vec4f(x1a.w), b1d, fma(vec4f(x0a.w), b0d, y3d))));
    let x0b = load_rows(part, p0, rows_b_at, rows_b);
    let x1b = load_rows(part, p1, rows_b_at, rows_b);
    let x2b = load_rows(part, p2, rows_b_at, rows_b);
    let x3b = load_rows(part, p3, rows_b_at, rows_b);
    y4a = fma(vec4f(x3b.x), b3a, fma(vec4f(x2b.x), b2a, fma(vec4f(x1b.x), b1a, fma(vec4f(x0b.x), b0a, y4a))));
    y4b = fma(vec4f(x3b.x), b3b, fma(vec4f(x2b.x), b2b, fma(vec4f(x1b.x), b1b, fma(vec4f(x0b.x), b0b, y4b))));
    y4c = fma(vec4f(x3b.x), b3c, fma(vec4f(x2b.x), b2c, fma(vec4f(x1b.x), b1c, fma(vec4f(x0b.x), b0c, y4c))));
    y4d = fma(vec4f(x3b.x), b3d, fma(vec4f(x2b.x), b2d, fma(vec4f(x1b.x), b1d, fma(vec4f(x0b.x), b0d, y4d))));
    y5a = fma(vec4f(x3b.y), b3a, fma(vec4f(x2b.y), b2a, fma(vec4f(x1b.y), b1a, fma(vec4f(x0b.y), b0a, y5a))));
    y5b = fma(vec4f(x3b.y), b3b, fma(vec4f(x2b.y), b2b, fma(vec4f(x1b.y), b1b, fma(vec4f(x0b.y), b0b, y5b))));
    y5c = fma(vec4f(x3b.y), b3c, fma(vec4f(x2b.y), b2c, fma(vec4f(x1b.y), b1c, fma(vec4f(x0b.y), b0c, y5c))));
    y5d = fma(vec4f(x3b.y), b3d, fma(vec4f(x2b.y), b2d, fma(vec4f(x1b.y), b1d, fma(vec4f(x0b.y), b0d, y5d))));
    y6a = fma(vec4f(x3b.z), b3a, fma(vec4f(x2b.z), b2a, fma(vec4f(x1b.z), b1a, fma(vec4f(x0b.z), b0a, y6a))));
    y6b = fma(vec4f(x3b.z), b3b, fma(vec4f(x2b.z), b2b, fma(vec4f(x1b.z), b1b, fma(vec4f(x0b.z), b0b, y6b))));
    y6c = fma(vec4f(x3b.z), b3c, fma(vec4f(x2b.z), b2c, fma(vec4f(x1b.z), b1c, fma(vec4f(x0b.z), b0c, y6c))));
    y6d = fma(vec4f(x3b.z), b3d, fma(vec4f(x2b.z), b2d, fma(vec4f(x1b.z), b1d, fma(vec4f(x0b.z), b0d, y6d))));
    y7a = fma(vec4f(x3b.w), b3a, fma(vec4f(x2b.w), b2a, fma(vec4f(x1b.w), b1a, fma(vec4f(x0b.w), b0a, y7a))));
    y7b = fma(vec4f(x3b.w), b3b, fma(vec4f(x2b.w), b2b, fma(vec4f(x1b.w), b1b, fma(vec4f(x0b.w), b0b, y7b))));
    y7c = fma(vec4f(x3b.w), b3c, fma(vec4f(x2b.w), b2c, fma(vec4f(x1b.w), b1c, fma(vec4f(x0b.w), b0c, y7c))));
    y7d = fma(vec4f(x3b.w), b3d, fma(vec4f(x2b.w), b2d, fma(vec4f(x1b.w), b1d, fma(vec4f(x0b.w), b0d, y7d))));
    let x0c = load_rows(part, p0, rows_c_at, rows_c);
    let x1c = load_rows(part, p1, rows_c_at, rows_c);
    let x2c = load_rows(part, p2, rows_c_at, rows_c);
    let x3c = load_rows(part, p3, rows_c_at, rows_c);
    y8a = fma(vec4f(x3c.x), b3a, fma(vec4f(x2c.x), b2a, fma(vec4f(x1c.x), b1a, fma(vec4f(x0c.x), b0a, y8a))));
    y8b = fma(vec4f(x3c.x), b3b, fma(vec4f(x2c.x), b2b, fma(vec4f(x1c.x), b1b, fma(vec4f(x0c.x), b0b, y8b))));
    y8c = fma(vec4f(x3c.x), b3c, fma(vec4f(x2c.x), b2c, fma(vec4f(x1c.x), b1c, fma(vec4f(x0c.x), b0c, y8c))));
    y8d = fma(vec4f(x3c.x), b3d, fma(vec4f(x2c.x), b2d, fma(vec4f(x1c.x), b1d, fma(vec4f(x0c.x), b0d, y8d))));
    y9a = fma(vec4f(x3c.y), b3a, fma(vec4f(x2c.y), b2a, fma(vec4f(x1c.y), b1a, fma(vec4f(x0c.y), b0a, y9a))));
    y9b = fma(vec4f(x3c.y), b3b, fma(vec4f(x2c.y), b2b, fma(vec4f(x1c.y), b1b, fma(vec4f(x0c.y), b0b, y9b))));
    y9c = fma(vec4f(x3c.y), b3c, fma(vec4f(x2c.y), b2c, fma(vec4f(x1c.y), b1c, fma(vec4f(x0c.y), b0c, y9c))));
    y9d = fma(vec4f(x3c.y), b3d, fma(vec4f(x2c.y), b2d, fma(vec4f(x1c.y), b1d, fma(vec4f(x0c.y), b0d, y9d))));
    y10a = fma(vec4f(x3c.z), b3a, fma(vec4f(x2c.z), b2a, fma(vec4f(x1c.z), b1a, fma(vec4f(x0c.z), b0a, y10a))));
    y10b = fma(vec4f(x3c.z), b3b, fma(vec4f(x2c.z), b2b, fma(vec4f(x1c.z), b1b, fma(vec4f(x0c.z), b0b, y10b))));
    y10c = fma(vec4f(x3c.z), b3c, fma(vec4f(x2c.z), b2c, fma(vec4f(x1c.z), b1c, fma(vec4f(x0c.z), b0c, y10c))));
    y10d = fma(vec4f(x3c.z), b3d, fma(vec4f(x2c.z), b2d, fma(vec4f(x1c.z), b1d, fma(vec4f(x0c.z), b0d, y10d))));
    y11a = fma(vec4f(x3c.w), b3a, fma(vec4f(x2c.w), b2a, fma(vec4f(x1c.w), b1a, fma(vec4f(x0c.w), b0a, y11a))));
    y11b = fma(vec4f(x3c.w), b3b, fma(vec4f(x2c.w), b2b, fma(vec4f(x1c.w), b1b, fma(vec4f(x0c.w), b0b, y11b))));
    y11c = fma(vec4f(x3c.w), b3c, fma(vec4f(x2c.w), b2c, fma(vec4f(x1c.w), b1c, fma(vec4f(x0c.w), b0c, y11c))));
    y11d = fma(vec4f(x3c.w), b3d, fma(vec4f(x2c.w), b2d, fma(vec4f(x1c.w), b1d, fma(vec4f(x0c.w), b0d, y11d))));
    let x0d = load_rows(part, p0, rows_d_at, rows_d);
    let x1d = load_rows(part, p1, rows_d_at, rows_d);
    let x2d = load_rows(part, p2, rows_d_at, rows_d);
    let x3d = load_rows(part, p3, rows_d_at, rows_d);
    y12a = fma(vec4f(x3d.x), b3a, fma(vec4f(x2d.x), b2a, fma(vec4f(x1d.x), b1a, fma(vec4f(x0d.x), b0a, y12a))));
    y12b = fma(vec4f(x3d.x), b3b, fma(vec4f(x2d.x), b2b, fma(vec4f(x1d.x), b1b, fma(vec4f(x0d.x), b0b, y12b))));
    y12c = fma(vec4f(x3d.x), b3c, fma(vec4f(x2d.x), b2c, fma(vec4f(x1d.x), b1c, fma(vec4f(x0d.x), b0c, y12c))));
    y12d = fma(vec4f(x3d.x), b3d, fma(vec4f(x2d.x), b2d, fma(vec4f(x1d.x), b1d, fma(vec4f(x0d.x), b0d, y12d))));
    y13a = fma(vec4f(x3d.y), b3a, fma(vec4f(x2d.y), b2a, fma(vec4f(x1d.y), b1a, fma(vec4f(x0d.y), b0a, y13a))));
    y13b = fma(vec4f(x3d.y), b3b, fma(vec4f(x2d.y), b2b, fma(vec4f(x1d.y), b1b, fma(vec4f(x0d.y), b0b, y13b))));
    y13c = fma(vec4f(x3d.y), b3c, fma(vec4f(x2d.y), b2c, fma(vec4f(x1d.y), b1c, fma(vec4f(x0d.y), b0c, y13c))));
    y13d = fma(vec4f(x3d.y), b3d, fma(vec4f(x2d.y), b2d, fma(vec4f(x1d.y), b1d, fma(vec4f(x0d.y), b0d, y13d))));
    y14a = fma(vec4f(x3d.z), b3a, fma(vec4f(x2d.z), b2a, fma(vec4f(x1d.z), b1a, fma(vec4f(x0d.z), b0a, y14a))));
    y14b = fma(vec4f(x3d.z), b3b, fma(vec4f(x2d.z), b2b, fma(vec4f(x1d.z), b1b, fma(vec4f(x0d.z), b0b, y14b))));
    y14c = fma(vec4f(x3d.z), b3c, fma(vec4f(x2d.z), b2c, fma(vec4f(x1d.z), b1c, fma(vec4f(x0d.z), b0c, y14c))));
    y14d = fma(vec4f(x3d.z), b3d, fma(vec4f(x2d.z), b2d, fma(vec4f(x1d.z), b1d, fma(vec4f(x0d.z), b0d, y14d))));
    y15a = fma(vec4f(x3d.w), b3a, fma(vec4f(x2d.w), b2a, fma(vec4f(x1d.w), b1a, fma(vec4f(x0d.w), b0a, y15a))));
    y15b = fma(vec4f(x3d.w), b3b, fma(vec4f(x2d.w), b2b, fma(vec4f(x1d.w), b1b, fma(vec4f(x0d.w), b0b, y15b))));
    y15c = fma(vec4f(x3d.w), b3c, fma(vec4f(x2d.w), b2c, fma(vec4f(x1d.w), b1c, fma(vec4f(x0d.w), b0c, y15c))));
    y15d = fma(vec4f(x3d.w), b3d, fma(vec4f(x2d.w), b2d, fma(vec4f(x1d.w), b1d, fma(vec4f(x0d.w), b0d, y15d))));
  }

  // One store in a loop: a CPU adapter compiles every store to a branch a lane.
  var y = array<vec4f, 64>(
    y0a, y0b, y0c, y0d,
    y1a, y1b, y1c, y1d,
    y2a, y2b, y2c, y2d,
    y3a, y3b, y3c, y3d,
    y4a, y4b, y4c, y4d,
    y5a, y5b, y5c, y5d,
    y6a, y6b, y6c, y6d,
    y7a, y7b, y7c, y7d,
    y8a, y8b, y8c, y8d,
    y9a, y9b, y9c, y9d,
    y10a, y10b, y10c, y10d,
    y11a, y11b, y11c, y11d,
    y12a, y12b, y12c, y12d,
    y13a, y13b, y13c, y13d,
    y14a, y14b, y14c, y14d,
    y15a, y15b, y15c, y15d,
  );
  for (var i = 0u; i < 64u; i++) { store(part, i / 4u, i % 4u * 4u, y[i]); }
}

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
    let ba = transpose(mat4x4f(b0a, b1a, b2a, b3a)); let bb = transpose(mat4x4f(b0b, b1b, b2b, b3b)); let bc = transpose(mat4x4f(b0c, b1c, b2c, b3c)); let bd = transpose(mat4x4f(b0d, b1d, b2d, b3d));
    let x0a = load_rows(part, p0, 0u, rows_a);
    let x1a = load_rows(part, p1, 0u, rows_a);
    let x2a = load_rows(part, p2, 0u, rows_a);
    let x3a = load_rows(part, p3, 0u, rows_a);
    y0a += vec4f(x0a.x, x1a.x, x2a.x, x3a.x) * ba;
    y0b += vec4f(x0a.x, x1a.x, x2a.x, x3a.x) * bb;
    y0c += vec4f(x0a.x, x1a.x, x2a.x, x3a.x) * bc;
    y0d += vec4f(x0a.x, x1a.x, x2a.x, x3a.x) * bd;
    y1a += vec4f(x0a.y, x1a.y, x2a.y, x3a.y) * ba;
    y1b += vec4f(x0a.y, x1a.y, x2a.y, x3a.y) * bb;
    y1c += vec4f(x0a.y, x1a.y, x2a.y, x3a.y) * bc;
    y1d += vec4f(x0a.y, x1a.y, x2a.y, x3a.y) * bd;
    y2a += vec4f(x0a.z, x1a.z, x2a.z, x3a.z) * ba;
    y2b += vec4f(x0a.z, x1a.z, x2a.z, x3a.z) * bb;
    y2c += vec4f(x0a.z, x1a.z, x2a.z, x3a.z) * bc;
    y2d += vec4f(x0a.z, x1a.z, x2a.z, x3a.z) * bd;
    y3a += vec4f(x0a.w, x1a.w, x2a.w, x3a.w) * ba;
    y3b += vec4f(x0a.w, x1a.w, x2a.w, x3a.w) * bb;
    y3c += vec4f(x0a.w, x1a.w, x2a.w, x3a.w) * bc;
    y3d += vec4f(x0a.w, x1a.w, x2a.w, x3a.w) * bd;
    let x0b = load_rows(part, p0, rows_b_at, rows_b);
    let x1b = load_rows(part, p1, rows_b_at, rows_b);
    let x2b = load_rows(part, p2, rows_b_at, rows_b);
    let x3b = load_rows(part, p3, rows_b_at, rows_b);
    y4a += vec4f(x0b.x, x1b.x, x2b.x, x3b.x) * ba;
    y4b += vec4f(x0b.x, x1b.x, x2b.x, x3b.x) * bb;
    y4c += vec4f(x0b.x, x1b.x, x2b.x, x3b.x) * bc;
    y4d += vec4f(x0b.x, x1b.x, x2b.x, x3b.x) * bd;
    y5a += vec4f(x0b.y, x1b.y, x2b.y, x3b.y) * ba;
    y5b += vec4f(x0b.y, x1b.y, x2b.y, x3b.y) * bb;
    y5c += vec4f(x0b.y, x1b.y, x2b.y, x3b.y) * bc;
    y5d += vec4f(x0b.y, x1b.y, x2b.y, x3b.y) * bd;
    y6a += vec4f(x0b.z, x1b.z, x2b.z, x3b.z) * ba;
    y6b += vec4f(x0b.z, x1b.z, x2b.z, x3b.z) * bb;
    y6c += vec4f(x0b.z, x1b.z, x2b.z, x3b.z) * bc;
    y6d += vec4f(x0b.z, x1b.z, x2b.z, x3b.z) * bd;
    y7a += vec4f(x0b.w, x1b.w, x2b.w, x3b.w) * ba;
    y7b += vec4f(x0b.w, x1b.w, x2b.w, x3b.w) * bb;
    y7c += vec4f(x0b.w, x1b.w, x2b.w, x3b.w) * bc;
    y7d += vec4f(x0b.w, x1b.w, x2b.w, x3b.w) * bd;
    let x0c = load_rows(part, p0, rows_c_at, rows_c);
    let x1c = load_rows(part, p1, rows_c_at, rows_c);
    let x2c = load_rows(part, p2, rows_c_at, rows_c);
    let x3c = load_rows(part, p3, rows_c_at, rows_c);
    y8a += vec4f(x0c.x, x1c.x, x2c.x, x3c.x) * ba;
    y8b += vec4f(x0c.x, x1c.x, x2c.x, x3c.x) * bb;
    y8c += vec4f(x0c.x, x1c.x, x2c.x, x3c.x) * bc;
    y8d += vec4f(x0c.x, x1c.x, x2c.x, x3c.x) * bd;
    y9a += vec4f(x0c.y, x1c.y, x2c.y, x3c.y) * ba;
    y9b += vec4f(x0c.y, x1c.y, x2c.y, x3c.y) * bb;
    y9c += vec4f(x0c.y, x1c.y, x2c.y, x3c.y) * bc;
    y9d += vec4f(x0c.y, x1c.y, x2c.y, x3c.y) * bd;
    y10a += vec4f(x0c.z, x1c.z, x2c.z, x3c.z) * ba;
    y10b += vec4f(x0c.z, x1c.z, x2c.z, x3c.z) * bb;
    y10c += vec4f(x0c.z, x1c.z, x2c.z, x3c.z) * bc;
    y10d += vec4f(x0c.z, x1c.z, x2c.z, x3c.z) * bd;
    y11a += vec4f(x0c.w, x1c.w, x2c.w, x3c.w) * ba;
    y11b += vec4f(x0c.w, x1c.w, x2c.w, x3c.w) * bb;
    y11c += vec4f(x0c.w, x1c.w, x2c.w, x3c.w) * bc;
    y11d += vec4f(x0c.w, x1c.w, x2c.w, x3c.w) * bd;
    let x0d = load_rows(part, p0, rows_d_at, rows_d);
    let x1d = load_rows(part, p1, rows_d_at, rows_d);
    let x2d = load_rows(part, p2, rows_d_at, rows_d);
    let x3d = load_rows(part, p3, rows_d_at, rows_d);
    y12a += vec4f(x0d.x, x1d.x, x2d.x, x3d.x) * ba;
    y12b += vec4f(x0d.x, x1d.x, x2d.x, x3d.x) * bb;
    y12c += vec4f(x0d.x, x1d.x, x2d.x, x3d.x) * bc;
    y12d += vec4f(x0d.x, x1d.x, x2d.x, x3d.x) * bd;
    y13a += vec4f(x0d.y, x1d.y, x2d.y, x3d.y) * ba;
    y13b += vec4f(x0d.y, x1d.y, x2d.y, x3d.y) * bb;
    y13c += vec4f(x0d.y, x1d.y, x2d.y, x3d.y) * bc;
    y13d += vec4f(x0d.y, x1d.y, x2d.y, x3d.y) * bd;
    y14a += vec4f(x0d.z, x1d.z, x2d.z, x3d.z) * ba;
    y14b += vec4f(x0d.z, x1d.z, x2d.z, x3d.z) * bb;
    y14c += vec4f(x0d.z, x1d.z, x2d.z, x3d.z) * bc;
    y14d += vec4f(x0d.z, x1d.z, x2d.z, x3d.z) * bd;
    y15a += vec4f(x0d.w, x1d.w, x2d.w, x3d.w) * ba;
    y15b += vec4f(x0d.w, x1d.w, x2d.w, x3d.w) * bb;
    y15c += vec4f(x0d.w, x1d.w, x2d.w, x3d.w) * bc;
    y15d += vec4f(x0d.w, x1d.w, x2d.w, x3d.w) * bd;
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

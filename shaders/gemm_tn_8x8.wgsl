// gemm_tn_8x8: the micro-kernel of conv2d's filter gradient and of dense's weight gradient: y = Aᵀ · B, split along the depth.
//
// The depth runs over pixels; a row of A and a row of B are contiguous at each, so a step is an outer product: 2 vec4
// of A, 2 of B, 64 multiply-adds. A thread computes 8 rows × 8 columns of one split's partial sum in 16 named vec4f.
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

  for (var line = part.first_line; line < part.end_line; line++) {
    var pixel = line_at(part, line);
    for (var i = 0u; i < pixel.count; i++) {
      let xa = load_rows(part, pixel, 0u, rows_a); let xb = load_rows(part, pixel, rows_b_at, rows_b);
      let ba = load_b(pixel.b, columns_a); let bb = load_b(pixel.b + columns_b_at, columns_b);
      y0a = fma(vec4f(xa.x), ba, y0a); y0b = fma(vec4f(xa.x), bb, y0b);
      y1a = fma(vec4f(xa.y), ba, y1a); y1b = fma(vec4f(xa.y), bb, y1b);
      y2a = fma(vec4f(xa.z), ba, y2a); y2b = fma(vec4f(xa.z), bb, y2b);
      y3a = fma(vec4f(xa.w), ba, y3a); y3b = fma(vec4f(xa.w), bb, y3b);
      y4a = fma(vec4f(xb.x), ba, y4a); y4b = fma(vec4f(xb.x), bb, y4b);
      y5a = fma(vec4f(xb.y), ba, y5a); y5b = fma(vec4f(xb.y), bb, y5b);
      y6a = fma(vec4f(xb.z), ba, y6a); y6b = fma(vec4f(xb.z), bb, y6b);
      y7a = fma(vec4f(xb.w), ba, y7a); y7b = fma(vec4f(xb.w), bb, y7b);
      pixel.a += pixel.a_stride;
      pixel.b += pixel.b_stride;
    }
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

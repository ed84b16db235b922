// augment_parameters: draws the random changes of each picture: words 8n … 8n+7 of noise_uniform's sequence,
// philox(counter = (i/4, step, 0, 0), key = (seed, purpose)), determine picture n's
//
//   brightness  word 0   u − ½                    in [−½, ½)      0 without colour
//   saturation  word 1   2·u                      in [0, 2)       1 without colour
//   contrast    word 2   u + ½                    in [½, 1½)      1 without colour
//   shift       words 3, 4   word mod (2·max_shift + 1) − max_shift
//   cut         words 5, 6   word mod places − ⌊cut_size/2⌋
//
//   step       [.]      word 0 is the run's step counter (u32)
//   parameters [rows]   of Augmentation, eight words
//
// A remainder favours small numbers by less than 2⁻²⁴. Nothing is rounded, so every device gives the same bits. A thread
// draws for one picture. Cost: 32 bytes per picture. Reference: src/reference/augment.ts.
// Test: test/kernels/augment.test.ts.

struct Sizes {
  first: u32, end: u32, rows: u32, seed: u32, purpose: u32,
  color: u32, max_shift: u32, cut_size: u32, places: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> step: array<u32>;
@group(0) @binding(2) var<storage, read_write> parameters: array<Augmentation>;

@compute @workgroup_size(64)
fn augment_parameters(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = sizes.first + workgroup.y * grid.x + workgroup.x;
  if (tile >= sizes.end) { return; }

  let i = tile * 64u + lane;
  if (i >= sizes.rows) { return; }
  let key = vec2u(sizes.seed, sizes.purpose);
  let words = philox(vec4u(2u * i, step[0], 0u, 0u), key);
  let more = philox(vec4u(2u * i + 1u, step[0], 0u, 0u), key);
  var a = Augmentation(0.0, 1.0, 1.0, i32(sizes.cut_size), vec2i(), vec2i());
  if (sizes.color != 0u) {
    a.brightness = unit(words.x) - 0.5;
    a.saturation = 2.0 * unit(words.y);
    // The last of the 24 bits is dropped, since an f32 above 1 has only 23 fraction bits.
    a.contrast = unit(words.z & 0xfffffe00u) + 0.5;
  }
  a.shift = vec2i(vec2u(words.w, more.x) % (2u * sizes.max_shift + 1u)) - i32(sizes.max_shift);
  a.cut = vec2i(more.yz % sizes.places) - i32(sizes.cut_size / 2u);
  parameters[i] = a;
}

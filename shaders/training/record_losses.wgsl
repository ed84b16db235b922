// record_losses: copies a step's losses and scores into a ring buffer, which the host reads from time to time.
//
//   step                 [.]         word 0: the step counter (u32)
//   real, fake           [., 2]      rows (loss, mean score): D(real) is the first row of `real`, D(fake) is at fake_at in
//                                    `fake`; the two may be the same tensor
//   fooled               [2]         (loss, mean score) of D(fake) in G's step
//   penalty              [1]         R1, or zero
//   flag                 [1]         1 if a network's parameters are no longer finite (adam.wgsl)
//   ring                 [slots, 8]  d_loss, g_loss, D(real), D(fake), penalty, step, flag, unused; floats are stored as
//                                    their bits, next to integers that must stay exact
//
// One thread does everything. Test: test/train/trainer.test.ts.

struct Sizes { first: u32, end: u32, slots: u32, fake_at: u32 }

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> step: array<u32>;
@group(0) @binding(2) var<storage, read> real: array<f32>;
@group(0) @binding(3) var<storage, read> fake: array<f32>;
@group(0) @binding(4) var<storage, read> fooled: array<f32>;
@group(0) @binding(5) var<storage, read> penalty: array<f32>;
@group(0) @binding(6) var<storage, read> flag: array<u32>;
@group(0) @binding(7) var<storage, read_write> ring: array<u32>;

@compute @workgroup_size(1)
fn record_losses() {
  let at = step[0] % sizes.slots * 8u;
  ring[at] = bitcast<u32>(real[0] + fake[sizes.fake_at]);
  ring[at + 1u] = bitcast<u32>(fooled[0]);
  ring[at + 2u] = bitcast<u32>(real[1]);
  ring[at + 3u] = bitcast<u32>(fake[sizes.fake_at + 1u]);
  ring[at + 4u] = bitcast<u32>(penalty[0]);
  ring[at + 5u] = step[0];
  ring[at + 6u] = flag[0];
}

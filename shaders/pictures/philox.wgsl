// philox: the counter-based generator Philox 4×32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
//
// It maps a counter of four words and a key of two to four random words. It has no state, so every thread computes its own
// and any step can be repeated. A fragment, joined to noise_uniform.wgsl, noise_normal.wgsl and augment_parameters.wgsl. It
// uses only integer arithmetic, so every device gives the same bits. Reference: src/random/philox.ts.
// Test: test/kernels/noise.test.ts.

// The 64-bit product of two words as (low, high), from 16-bit halves: WGSL has no wide multiplication.
fn multiply_wide(x: u32, y: u32) -> vec2u {
  let x0 = x & 0xffffu;
  let x1 = x >> 16u;
  let y0 = y & 0xffffu;
  let y1 = y >> 16u;
  let low = x0 * y0;
  let middle = x1 * y0 + (low >> 16u);
  let carry = (middle & 0xffffu) + x0 * y1;
  return vec2u(x * y, x1 * y1 + (middle >> 16u) + (carry >> 16u));
}

fn philox(counter: vec4u, key: vec2u) -> vec4u {
  var c = counter;
  var k = key;
  for (var round = 0u; round < 10u; round++) {
    let a = multiply_wide(0xd2511f53u, c.x);
    let b = multiply_wide(0xcd9e8d57u, c.z);
    c = vec4u(b.y ^ c.y ^ k.x, b.x, a.y ^ c.w ^ k.y, a.x);
    k += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

// A word's upper 24 bits as a float in [0, 1), exactly.
fn unit(word: u32) -> f32 {
  return f32(word >> 8u) * 5.9604644775390625e-8;
}

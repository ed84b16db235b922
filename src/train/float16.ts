/** IEEE 754's half precision, as bits: 1 of sign, 5 of exponent, 10 of fraction. */

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

/** The half nearest to an f32; ties go to even, and from 65,520 on the result is infinity. */
export function toHalf(value: number): number {
  float[0] = value;
  const sign = (word[0] >>> 16) & 0x8000;
  const magnitude = word[0] & 0x7fff_ffff;
  if (magnitude > 0x7f80_0000) return sign | 0x7e00;
  if (magnitude >= 0x477f_f000) return sign | 0x7c00;
  if (magnitude < 0x3880_0000) {
    // Below 2⁻¹⁴ halves are multiples of 2⁻²⁴, and so are the f32 from ½ to 1.
    float[0] = 0.5 + Math.abs(value);
    return sign | (word[0] - 0x3f00_0000);
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x3800_0000) >>> 13);
}

export function fromHalf(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  // The leading 1 is implicit. Below 2⁻¹⁴ there is none, and exponent 0 means the same as exponent 1.
  const finite = ((exponent && 1024) + fraction) * 2 ** ((exponent || 1) - 25);
  const special = fraction > 0 ? Number.NaN : Number.POSITIVE_INFINITY;
  return (bits & 0x8000 ? -1 : 1) * (exponent < 31 ? finite : special);
}

/**
 * A decoder's samples as 8-bit RGB, transparency laid on white: each value is rounded once.
 * @param samples [pixels, channels], channels 3 or 4 (alpha); overwritten, so that large pictures are in memory once
 * @returns [pixels, 3]
 */
export function rgbOnWhite(samples: Uint8Array | Uint16Array, channels: number): Uint8Array {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  const max = samples instanceof Uint16Array ? 65535 : 255;
  if (channels === 3) {
    if (max === 255) return bytes;
    for (let i = 0; i < samples.length; i++) bytes[i] = Math.round(samples[i] / 257);
    return bytes.subarray(0, samples.length);
  }
  let to = 0;
  // What is written never overtakes what is still to be read.
  for (let from = 0; from < samples.length; from += 4) {
    const alpha = samples[from + 3];
    const white = 255 * (max - alpha);
    const scale = (alpha * 255) / max;
    for (let channel = 0; channel < 3; channel++) {
      bytes[to++] = Math.round((samples[from + channel] * scale + white) / max);
    }
  }
  return bytes.subarray(0, to);
}

/** Checks of noise, and of converting pictures from bytes and back. */
import * as noise from "../kernels/noise.ts";
import * as kernel from "../kernels/pictures.ts";
import { philox4x32, type StepKey, truncatedNormal, uniform } from "../random/philox.ts";
import * as reference from "../reference/pictures.ts";
import { both, type Check, divisionUnits, realsOnly, smallest, sqrtUnits, unit } from "./check.ts";

const { abs, cos, fround, log, sin, sqrt } = Math;

const word = (next: () => number) => Math.floor(next() * 2 ** 32);

const noiseUniform: Check = {
  kernel: "noiseUniform",
  kinds: realsOnly,
  shapes: [{ size: 1 }, { size: 5 }, { size: 256 }, { size: 1600 }],
  random: (int) => ({ size: int(1, 2000) }),
  async run(lab, { size }) {
    const [seed, purpose, counter, at] = [word(lab.next), word(lab.next), word(lab.next), word(lab.next)];
    const y = lab.poisoned([size]);
    noise.noiseUniform(lab.stream, lab.uploadWords(Uint32Array.of(counter, 7)), y, { seed, purpose, at }, -1, 1);
    // The counter may wrap around. Between −1 and 1 no operation rounds, so the bits must be equal.
    const step = (counter + at) >>> 0;
    return [await lab.compare(y, uniform(size, { seed, purpose, step }, -1, 1), () => 0)];
  },
};

/**
 * The error that WGSL allows for one normal number, in stddevs: log has an absolute error of 2⁻²¹ on [0.5, 2] and 3 units
 * elsewhere, cos and sin have one of 2⁻¹¹. Infinite if a candidate lies so close to the cut that devices may choose
 * differently.
 */
function normalError(i: number, { seed, purpose, step }: StepKey): number {
  for (let attempt = 0; attempt < 16; attempt++) {
    const [w0, w1] = philox4x32([i, step, attempt, 1], [seed, purpose]);
    const u = ((w0 >>> 8) + 1) * 2 ** -24;
    const angle = 2 * Math.PI * (w1 >>> 8) * 2 ** -24;
    const squared = -2 * log(u);
    const logError = u >= 0.5 ? 2 ** -20 : 3 * unit * squared;
    // √(a + δ) − √a is at most δ/√a, and at most √δ.
    const radius = sqrt(squared);
    const radiusError = Math.min(logError / radius, sqrt(logError)) + unit * (sqrtUnits + 1) * radius;
    const error = radius * (2 ** -11 + 2 * unit) + radiusError;
    const candidates = [abs(radius * cos(angle)), abs(radius * sin(angle))];
    for (const candidate of candidates) {
      if (abs(candidate - 2) <= error) return Number.POSITIVE_INFINITY;
      if (candidate < 2) return error;
    }
  }
  return 0;
}

const noiseTruncatedNormal: Check = {
  kernel: "noiseTruncatedNormal",
  kinds: realsOnly,
  shapes: [{ size: 1 }, { size: 63 }, { size: 2000 }],
  random: (int) => ({ size: int(1, 500) }),
  async run(lab, { size }) {
    const key = { seed: word(lab.next), purpose: word(lab.next), step: word(lab.next) };
    const stddev = fround(0.02);
    const y = lab.poisoned([size]);
    noise.noiseTruncatedNormal(lab.stream, y, key, stddev);
    const expected = truncatedNormal(size, key, stddev);
    return [await lab.compare(y, expected, (i) => stddev * normalError(i, key) + unit * abs(expected[i]) + smallest)];
  },
};

const gatherPictures: Check = {
  kernel: "gatherPictures",
  kinds: realsOnly,
  shapes: [
    { N: 1, size: 2, count: 1 },
    { N: 3, size: 6, count: 5 },
    { N: 5, size: 16, count: 3 },
  ],
  random: (int) => ({ N: int(1, 6), size: 2 * int(1, 9), count: int(1, 6) }),
  async run(lab, { N, size, count }) {
    const pixels = new Uint8Array(count * size * size * 3).map(() => lab.next() * 256);
    const indices = Array.from({ length: N }, () => Math.floor(lab.next() * count));
    const flips = Array.from({ length: N }, () => Math.floor(lab.next() * 2));
    const step = Uint32Array.of(7, 7, 7, ...indices.map((index, n) => index + flips[n] * 2 ** 31));
    const y = lab.poisoned([N, size, size, 3]);
    const uploaded = lab.uploadWords(new Uint32Array(pixels.buffer));
    kernel.gatherPictures(lab.stream, uploaded, lab.uploadWords(step), 3, y);
    const expected = reference.gatherPictures(pixels, indices, flips, size);
    const allowed = (i: number) => unit * (divisionUnits * abs(expected[i] + 1) + abs(expected[i])) + smallest;
    return [await lab.compare(y, expected, allowed)];
  },
};

const packPictures: Check = {
  kernel: "packPictures",
  kinds: both,
  shapes: [
    { N: 1, size: 1 }, // a partially filled word
    { N: 3, size: 3 },
    { N: 2, size: 4 },
    { N: 5, size: 16 },
  ],
  random: (int) => ({ N: int(1, 10), size: int(1, 12) }),
  async run(lab, { N, size }) {
    // Slightly beyond [−1, 1]; integers hit both ends and the middle.
    const x = lab.numbers(N * size * size * 3).map((value) => (lab.exact ? value : 1.1 * value));
    const pixels = lab.poisoned([Math.ceil(x.length / 4)]);
    kernel.packPictures(lab.stream, lab.upload([N, size, size, 3], x), pixels);
    // Whole words, so that the bytes after the last picture are checked as well.
    const bytes = (shift: number) => {
      const padded = new Uint8Array(4 * pixels.size);
      padded.set(reference.packPictures(Float64Array.from(x, (value) => value + shift)));
      return padded;
    };
    const actual = new Uint8Array(await lab.stream.readBytes(pixels)).subarray(0, 4 * pixels.size);
    // A value within rounding of the boundary between two bytes may become either: found by shifting x slightly.
    const [below, above] = [bytes(-4 * unit), bytes(4 * unit)];
    const edge = (i: number) => (lab.exact ? 0 : above[i] - below[i]);
    return [{ output: "pixels", actual, expected: bytes(0), allowed: edge }];
  },
};

export const pictureChecks: readonly Check[] = [noiseUniform, noiseTruncatedNormal, gatherPictures, packPictures];

/** A JPEG encoder for tests (ITU-T T.81, Huffman, sequential) that writes what common encoders do not. */
import { bytesOf, segment } from "./picture_writers.ts";

export interface JpegOptions {
  /** Sampling factors h×v of each component. */
  sampling: readonly (readonly [h: number, v: number])[];
  /** In MCUs; 0 is none. */
  restartInterval?: number;
  ids?: readonly number[];
  /** Adobe's segment with this transform. */
  adobe?: number | null;
  jfif?: boolean;
  /** Each component in a scan of its own. */
  separateScans?: boolean;
}

type Samples = (x: number, y: number) => readonly number[];

const zigzag = [
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47,
  55, 62, 63,
];
/** Huffman codes of one length each: a symbol's code is its index. Categories of DC, and run·16 + category of AC. */
const dcSymbols = Array.from({ length: 12 }, (_, i) => i);
const acSymbols = [0x00, 0xf0, ...Array.from({ length: 16 * 10 }, (_, i) => Math.floor(i / 10) * 16 + (i % 10) + 1)];
const lengths = (length: number, count: number) => Array.from({ length: 16 }, (_, i) => (i + 1 === length ? count : 0));

const cosines = Float64Array.from({ length: 64 }, (_, i) => {
  const [u, x] = [i >> 3, i & 7];
  return Math.cos(((2 * x + 1) * u * Math.PI) / 16) * (u === 0 ? Math.SQRT1_2 : 1) * 0.5;
});

class Bits {
  readonly bytes: number[] = [];
  private held = 0;
  private count = 0;

  put(value: number, length: number): void {
    for (let bit = length - 1; bit >= 0; bit--) {
      this.held = this.held * 2 + ((value >> bit) & 1);
      if (++this.count === 8) {
        this.bytes.push(this.held);
        if (this.held === 0xff) this.bytes.push(0);
        this.held = this.count = 0;
      }
    }
  }

  flush(): void {
    while (this.count > 0) this.put(1, 1);
  }
}

/** @param samples the components as they are stored (Y Cb Cr, C M Y K, …), 0…255 */
export function writeJpeg(width: number, height: number, samples: Samples, options: JpegOptions): Uint8Array {
  const { sampling, restartInterval = 0, adobe = null, jfif = false, separateScans = false } = options;
  const ids = options.ids ?? sampling.map((_, i) => i + 1);
  const [maxH, maxV] = [0, 1].map((axis) => Math.max(...sampling.map((factors) => factors[axis])));
  const components = sampling.map(([h, v], c) => ({ c, h, v, scaleX: maxH / h, scaleY: maxV / v, last: 0 }));
  type Component = (typeof components)[number];

  const encodeBlock = (bits: Bits, component: Component, blockX: number, blockY: number) => {
    const { c, scaleX, scaleY } = component;
    const block = new Float64Array(64);
    for (let i = 0; i < 64; i++) {
      // The mean of the pixels under one sample; those beyond the edge repeat it.
      let sum = 0;
      for (let dy = 0; dy < scaleY; dy++) {
        for (let dx = 0; dx < scaleX; dx++) {
          const x = Math.min(width - 1, (blockX * 8 + (i & 7)) * scaleX + dx);
          const y = Math.min(height - 1, (blockY * 8 + (i >> 3)) * scaleY + dy);
          sum += samples(x, y)[c];
        }
      }
      block[i] = sum / (scaleX * scaleY) - 128;
    }
    const rows = new Float64Array(64);
    for (let y = 0; y < 8; y++)
      for (let u = 0; u < 8; u++) for (let x = 0; x < 8; x++) rows[y * 8 + u] += block[y * 8 + x] * cosines[u * 8 + x];
    const coefficients = new Int32Array(64);
    for (let v = 0; v < 8; v++) {
      for (let u = 0; u < 8; u++) {
        let sum = 0;
        for (let y = 0; y < 8; y++) sum += rows[y * 8 + u] * cosines[v * 8 + y];
        coefficients[v * 8 + u] = Math.round(sum / 2); // All quantisers are 2.
      }
    }
    const put = (symbols: number[], length: number, run: number, value: number) => {
      const category = value === 0 ? 0 : 32 - Math.clz32(Math.abs(value));
      bits.put(symbols.indexOf(run * 16 + category), length);
      bits.put(value < 0 ? value + (1 << category) - 1 : value, category);
    };
    put(dcSymbols, 4, 0, coefficients[0] - component.last);
    component.last = coefficients[0];
    let run = 0;
    let end = 63;
    while (end > 0 && coefficients[zigzag[end]] === 0) end--;
    for (let k = 1; k <= end; k++) {
      const value = coefficients[zigzag[k]];
      if (value === 0) run++;
      else {
        for (; run > 15; run -= 16) bits.put(1, 8);
        put(acSymbols, 8, run, value);
        run = 0;
      }
    }
    if (end < 63) bits.put(0, 8);
  };

  const encodeScan = (scanned: Component[]): Uint8Array => {
    // One component alone goes by its own blocks, several by units of the largest sampling.
    const alone = scanned.length === 1;
    const [unitX, unitY] = alone ? [8 * scanned[0].scaleX, 8 * scanned[0].scaleY] : [8 * maxH, 8 * maxV];
    const [columns, rows] = [Math.ceil(width / unitX), Math.ceil(height / unitY)];
    const parts: Uint8Array[] = [];
    let bits = new Bits();
    for (let mcu = 0; mcu < columns * rows; mcu++) {
      if (mcu % (restartInterval || Number.POSITIVE_INFINITY) === 0 || mcu === 0) {
        if (mcu > 0) {
          bits.flush();
          parts.push(bytesOf(bits.bytes, [0xff, 0xd0 + ((mcu / restartInterval - 1) & 7)]));
          bits = new Bits();
        }
        for (const component of scanned) component.last = 0;
      }
      const [x, y] = [mcu % columns, Math.floor(mcu / columns)];
      for (const component of scanned) {
        const [h, v] = alone ? [1, 1] : [component.h, component.v];
        for (let by = 0; by < v; by++)
          for (let bx = 0; bx < h; bx++) encodeBlock(bits, component, x * h + bx, y * v + by);
      }
    }
    bits.flush();
    const header = segment(0xda, [scanned.length, ...scanned.flatMap(({ c }) => [ids[c], 0]), 0, 63, 0]);
    return bytesOf(header, ...parts, bits.bytes);
  };

  const frame = [8, height >> 8, height & 255, width >> 8, width & 255, sampling.length];
  const scans = separateScans ? components.map((component) => [component]) : [components];
  return bytesOf(
    [0xff, 0xd8],
    ...(jfif ? [segment(0xe0, "JFIF\0", [1, 1, 0, 0, 1, 0, 1, 0, 0])] : []),
    ...(adobe !== null ? [segment(0xee, "Adobe", [0, 100, 0, 0, 0, 0, adobe])] : []),
    segment(0xdb, [0], new Uint8Array(64).fill(2)),
    segment(0xc1, frame, ...components.map(({ c, h, v }) => [ids[c], h * 16 + v, 0])),
    segment(0xc4, [0x00], lengths(4, dcSymbols.length), dcSymbols),
    segment(0xc4, [0x10], lengths(8, acSymbols.length), acSymbols),
    ...(restartInterval > 0 ? [segment(0xdd, [restartInterval >> 8, restartInterval & 255])] : []),
    ...scans.map(encodeScan),
    [0xff, 0xd9],
  );
}

/** JFIF's conversion. */
export function yccOf([r, g, b]: readonly number[]): number[] {
  return [
    0.299 * r + 0.587 * g + 0.114 * b,
    128 - 0.168736 * r - 0.331264 * g + 0.5 * b,
    128 + 0.5 * r - 0.418688 * g - 0.081312 * b,
  ];
}

/** Images to an animated GIF (GIF89a): a palette for each frame by median cut, pixels by LZW. */
import type { Image } from "./image.ts";

/** Milliseconds, in hundredths of a second as GIF has them. */
export interface GifTiming {
  /** Of a frame. */
  readonly delay: number;
  /** Of the last frame, before the film begins again. */
  readonly lastDelay: number;
}

/**
 * The file piece by piece, so that a film of any length takes the memory of two frames.
 * @param frames at least one, all of one size; asked for one at a time
 */
export async function* encodeGif(
  frames: AsyncIterable<Image>,
  { delay, lastDelay }: GifTiming,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let held: Image | null = null;
  for await (const frame of frames) {
    if (held) yield frameBytes(held, delay);
    else yield header(frame);
    held = frame;
  }
  if (!held) throw new Error("encodeGif: needs at least one frame, came none");
  yield frameBytes(held, lastDelay);
  yield Uint8Array.of(0x3b);
}

const mark = "catgan";
/** After the header and the extension for repeating. */
const markOffset = 13 + 19 + 3;

/** Whether `encodeGif` wrote a file that begins like this. */
export function isOurGif(beginning: Uint8Array): boolean {
  const text = new TextDecoder("latin1").decode(beginning.subarray(0, markOffset + mark.length));
  return text.startsWith("GIF89a") && text.startsWith(`!\xfe\x06${mark}`, markOffset - 3);
}

function header({ width, height }: Image): Uint8Array<ArrayBuffer> {
  const out = new Bytes();
  out.text("GIF89a");
  out.words(width, height);
  // No palette for all frames; an extension that lets the film begin again, forever.
  out.bytes(0, 0, 0, 0x21, 0xff, 11);
  out.text("NETSCAPE2.0");
  out.bytes(3, 1, 0, 0, 0);
  // A comment: what wrote the file.
  out.bytes(0x21, 0xfe, mark.length);
  out.text(mark);
  out.bytes(0);
  return out.all;
}

function frameBytes({ width, height, rgba }: Image, delay: number): Uint8Array<ArrayBuffer> {
  const out = new Bytes();
  const { palette, indices } = quantise(rgba);
  out.bytes(0x21, 0xf9, 4, 0);
  out.words(Math.round(delay / 10));
  out.bytes(0, 0, 0x2c);
  out.words(0, 0, width, height);
  // A palette of 256 colours of its own.
  out.bytes(0x87, ...palette);
  compress(indices, out);
  return out.all;
}

class Bytes {
  private block = new Uint8Array(1 << 16);
  private length = 0;

  get all(): Uint8Array<ArrayBuffer> {
    return this.block.slice(0, this.length);
  }

  bytes(...values: number[]): void {
    for (const value of values) {
      if (this.length === this.block.length) {
        const larger = new Uint8Array(2 * this.length);
        larger.set(this.block);
        this.block = larger;
      }
      this.block[this.length++] = value;
    }
  }

  /** Little-endian. */
  words(...values: number[]): void {
    for (const value of values) this.bytes(value & 255, value >> 8);
  }

  text(text: string): void {
    this.bytes(...new TextEncoder().encode(text));
  }
}

const colours = 256;

/**
 * 256 colours that stand for an image's, by median cut: the box of colours that spreads widest, weighted by its pixels,
 * is halved until there are as many boxes. Colours are told apart by 5 bits a channel; a box's colour is its pixels' mean.
 */
export function quantise(rgba: Uint8Array): { palette: Uint8Array; indices: Uint8Array } {
  const pixels = rgba.length / 4;
  const cells = new Uint16Array(pixels);
  const counts = new Uint32Array(1 << 15);
  const sums = new Float64Array(3 << 15);
  for (let i = 0; i < pixels; i++) {
    const [r, g, b] = [rgba[4 * i], rgba[4 * i + 1], rgba[4 * i + 2]];
    const cell = ((r >> 3) << 10) | ((g >> 3) << 5) | (b >> 3);
    cells[i] = cell;
    counts[cell]++;
    sums[3 * cell] += r;
    sums[3 * cell + 1] += g;
    sums[3 * cell + 2] += b;
  }
  const used = Uint16Array.from(counts.keys()).filter((cell) => counts[cell] > 0);
  const boxes = [boxOf(used, counts)];
  while (boxes.length < colours) {
    let widest = 0;
    for (const [i, box] of boxes.entries()) if (box.weight > boxes[widest].weight) widest = i;
    const { cells: all, shift } = boxes[widest];
    if (boxes[widest].weight === 0) break;
    all.sort((a, b) => ((a >> shift) & 31) - ((b >> shift) & 31));
    const total = all.reduce((sum, cell) => sum + counts[cell], 0);
    let cut = 0;
    for (let half = 0; cut < all.length - 1 && half < total / 2; cut++) half += counts[all[cut]];
    boxes.splice(widest, 1, boxOf(all.subarray(0, cut), counts), boxOf(all.subarray(cut), counts));
  }
  const palette = new Uint8Array(3 * colours);
  const boxOfCell = new Uint8Array(1 << 15);
  for (const [i, box] of boxes.entries()) {
    let count = 0;
    const sum = [0, 0, 0];
    for (const cell of box.cells) {
      boxOfCell[cell] = i;
      count += counts[cell];
      for (let c = 0; c < 3; c++) sum[c] += sums[3 * cell + c];
    }
    for (let c = 0; c < 3; c++) palette[3 * i + c] = Math.round(sum[c] / count);
  }
  return { palette, indices: Uint8Array.from(cells, (cell) => boxOfCell[cell]) };
}

/** A box of colours: along which channel it is widest, and how much there is to gain by cutting it. */
function boxOf(cells: Uint16Array, counts: Uint32Array): { cells: Uint16Array; shift: number; weight: number } {
  let shift = 0;
  let width = 0;
  for (const candidate of [10, 5, 0]) {
    let low = 31;
    let high = 0;
    for (const cell of cells) {
      const value = (cell >> candidate) & 31;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    if (high - low > width) [shift, width] = [candidate, high - low];
  }
  const pixels = cells.reduce((sum, cell) => sum + counts[cell], 0);
  return { cells, shift, weight: width * Math.sqrt(pixels) };
}

const clear = 256;
const end = 257;
const mostCodes = 4096;

/** LZW as GIF has it: codes from 9 to 12 bits, lowest bit first, in blocks of at most 255 bytes. */
function compress(indices: Uint8Array, out: Bytes): void {
  out.bytes(8);
  let block: number[] = [];
  const flush = () => {
    if (block.length > 0) out.bytes(block.length, ...block);
    block = [];
  };
  let bits = 0;
  let held = 0;
  let width = 9;
  const emit = (code: number) => {
    bits |= code << held;
    held += width;
    while (held >= 8) {
      block.push(bits & 255);
      if (block.length === 255) flush();
      bits >>>= 8;
      held -= 8;
    }
  };
  /** Code of a known string and one more index; 0 = none yet. */
  const longer = new Uint16Array(mostCodes << 8);
  let next = end + 1;
  emit(clear);
  let string = indices[0];
  for (let i = 1; i < indices.length; i++) {
    const key = (string << 8) | indices[i];
    if (longer[key] !== 0) {
      string = longer[key];
      continue;
    }
    emit(string);
    string = indices[i];
    if (next === mostCodes) {
      emit(clear);
      longer.fill(0);
      next = end + 1;
      width = 9;
      continue;
    }
    // Decoders are one code behind: the width grows with the code after the last that fits.
    if (next === 1 << width) width++;
    longer[key] = next++;
  }
  emit(string);
  emit(end);
  if (held > 0) block.push(bits & 255);
  flush();
  out.bytes(0);
}

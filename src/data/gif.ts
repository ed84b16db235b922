/**
 * Images to an animated GIF (GIF89a). A frame is the rectangle in which something changes, with its own palette;
 * changes too small to see are left out.
 */
import { choosePalette, fewColours, squaredDistance } from "./gif_palette.ts";
import { type Area, choosePixels } from "./gif_pixels.ts";
import type { Image } from "./image.ts";

/** In milliseconds; GIF stores hundredths of a second. */
export interface GifTiming {
  /** How long a frame is shown. */
  readonly delay: number;
  /** How long the last frame is shown, before the film repeats. */
  readonly lastDelay: number;
}

/**
 * Colours per frame. With fewer than the format's 256, strings of pixels repeat sooner; the difference is hardly
 * visible.
 */
const maxColours = 192;
/**
 * Squared distances, of at most 3·255². A pixel within `still` of what is shown is not redrawn; a palette colour within
 * `colour` may replace a pixel's. Frames of few colours are encoded exactly instead.
 */
const tolerances = { still: 140, colour: 350 };

/**
 * Yields the file piece by piece, so that a film of any length takes the memory of a few frames.
 * @param frames at least one, all of one size; asked for one at a time
 */
export async function* encodeGif(
  frames: AsyncIterable<Image>,
  { delay, lastDelay }: GifTiming,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let held: Image | null = null;
  let screen: Screen | null = null;
  for await (const frame of frames) {
    if (held) yield screen!.show(held, delay);
    else {
      screen = new Screen(frame);
      yield header(frame);
    }
    held = frame;
  }
  if (!held) throw new Error("encodeGif: needs at least one frame, got none");
  yield screen!.show(held, lastDelay);
  yield Uint8Array.of(0x3b);
}

const mark = "catgan";
/** Follows the header and the repetition extension. */
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
  // No global palette; an extension that repeats the film forever.
  out.bytes(0, 0, 0, 0x21, 0xff, 11);
  out.text("NETSCAPE2.0");
  out.bytes(3, 1, 0, 0, 0);
  // A comment: what wrote the file.
  out.bytes(0x21, 0xfe, mark.length);
  out.text(mark);
  out.bytes(0);
  return out.all;
}

/** What a decoder shows, frame after frame. */
class Screen {
  private readonly width: number;
  private readonly height: number;
  /** RGB words; null before the first frame. */
  private shown: Uint32Array | null = null;
  /** The colour that was wanted when each pixel was last drawn. */
  private readonly meant: Uint32Array;

  constructor({ width, height }: Image) {
    this.width = width;
    this.height = height;
    this.meant = new Uint32Array(width * height);
  }

  /** @returns the blocks of a frame @throws Error when its size differs from the first frame's */
  show(frame: Image, delay: number): Uint8Array<ArrayBuffer> {
    const { width, height } = this;
    if (frame.width !== width || frame.height !== height) {
      throw new Error(`encodeGif: a frame of ${frame.width}×${frame.height}, the first has ${width}×${height}`);
    }
    const pixels = wordsOf(frame);
    const exact = fewColours(pixels, maxColours - 1) !== null;
    const still = this.stillIn(pixels, exact);
    const rectangle = this.rectangleOf(still);
    const cut = <Of extends Uint8Array | Uint32Array>(from: Of): Of => {
      const { left, top, right, bottom } = rectangle;
      const part = from.slice(0, (right - left) * (bottom - top)) as Of;
      for (let y = top; y < bottom; y++) {
        part.set(from.subarray(y * width + left, y * width + right), (y - top) * (right - left));
      }
      return part;
    };
    const area: Area = {
      width: rectangle.right - rectangle.left,
      pixels: cut(pixels),
      shown: this.shown && cut(this.shown),
      still: cut(still),
    };
    const changed = area.pixels.filter((_, i) => area.still[i] === 0);
    const colours = choosePalette(changed, maxColours - 1);
    // One index of the palette means: keep what is shown.
    const transparent = colours.push(0) - 1;
    const colourBits = Math.max(2, Math.ceil(Math.log2(colours.length)));
    const out = new Bytes();
    // The frame stays when the next one is drawn; it has a transparent index.
    out.bytes(0x21, 0xf9, 4, (1 << 2) | 1);
    out.words(Math.round(delay / 10));
    out.bytes(transparent, 0, 0x2c);
    out.words(rectangle.left, rectangle.top, area.width, rectangle.bottom - rectangle.top);
    out.bytes(0x80 | (colourBits - 1));
    for (let i = 0; i < 1 << colourBits; i++) {
      const colour = colours[i] ?? 0;
      out.bytes(colour & 255, (colour >> 8) & 255, colour >> 16);
    }
    out.bytes(colourBits);
    const codes = new Codes(out);
    const tolerance = exact ? 0 : tolerances.colour;
    const indices = choosePixels(
      area,
      { colours: colours.slice(0, -1), transparent, tolerance },
      colourBits,
      (...code) => codes.put(...code),
    );
    codes.end();
    this.shown ??= new Uint32Array(pixels.length);
    for (let i = 0; i < indices.length; i++) {
      const at = (rectangle.top + Math.floor(i / area.width)) * width + rectangle.left + (i % area.width);
      if (indices[i] === transparent) continue;
      this.shown[at] = colours[indices[i]];
      this.meant[at] = pixels[at];
    }
    return out.all;
  }

  /** 1 where what is shown may stay: it is close enough, or the wanted colour has not changed. */
  private stillIn(pixels: Uint32Array, exact: boolean): Uint8Array {
    const still = new Uint8Array(pixels.length);
    const { shown, meant } = this;
    if (shown === null) return still;
    const tolerance = exact ? 0 : tolerances.still;
    for (let i = 0; i < still.length; i++) {
      // A colour that the palette lacks may be further off, but redrawing it would bring it no closer.
      const unchanged = !exact && pixels[i] === meant[i];
      if (unchanged || squaredDistance(pixels[i], shown[i]) <= tolerance) still[i] = 1;
    }
    return still;
  }

  /** The smallest rectangle with all pixels that are not still; a single pixel if all are. */
  private rectangleOf(still: Uint8Array): { left: number; top: number; right: number; bottom: number } {
    const { width, height } = this;
    let [left, top, right, bottom] = [width, height, 0, 0];
    for (let y = 0; y < height; y++) {
      const row = still.subarray(y * width, (y + 1) * width);
      const first = row.indexOf(0);
      if (first < 0) continue;
      left = Math.min(left, first);
      right = Math.max(right, row.lastIndexOf(0) + 1);
      top = Math.min(top, y);
      bottom = y + 1;
    }
    return right > 0 ? { left, top, right, bottom } : { left: 0, top: 0, right: 1, bottom: 1 };
  }
}

function wordsOf({ rgba }: Image): Uint32Array {
  // A copy, since words must begin at a multiple of four bytes. Every machine that runs WebGPU is little-endian.
  const words = new Uint32Array(new Uint8Array(rgba).buffer);
  for (let i = 0; i < words.length; i++) words[i] &= 0xffffff;
  return words;
}

/** Codes in blocks of at most 255 bytes, lowest bit first. */
class Codes {
  private block: number[] = [];
  private bits = 0;
  private held = 0;

  constructor(private readonly out: Bytes) {}

  put(code: number, width: number): void {
    this.bits |= code << this.held;
    this.held += width;
    while (this.held >= 8) {
      this.block.push(this.bits & 255);
      if (this.block.length === 255) this.flush();
      this.bits >>>= 8;
      this.held -= 8;
    }
  }

  end(): void {
    if (this.held > 0) this.block.push(this.bits & 255);
    this.flush();
    this.out.bytes(0);
  }

  private flush(): void {
    if (this.block.length > 0) this.out.bytes(this.block.length, ...this.block);
    this.block = [];
  }
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

/** Reads GIFs, for tests. */

export interface GifFrame {
  /** Of the whole film. */
  width: number;
  height: number;
  /** Hundredths of a second. */
  delay: number;
  /** What is shown, row by row: this frame's rectangle on top of the frames before. */
  rgb: number[][];
  /** The part that the file holds for it, and the colours of its palette. */
  rectangle: { left: number; top: number; width: number; height: number };
  colours: number;
}

/** Reads a GIF as decoders do: blocks, palettes, LZW, transparency over what is shown. */
export function decodeGif(bytes: Uint8Array): GifFrame[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height] = [view.getUint16(6, true), view.getUint16(8, true)];
  const screen: (number[] | undefined)[] = Array.from({ length: width * height });
  const frames: GifFrame[] = [];
  let at = 13;
  let delay = 0;
  let transparent = -1;
  const blocks = () => {
    const found: number[] = [];
    for (; bytes[at] !== 0; at += bytes[at] + 1) found.push(...bytes.subarray(at + 1, at + 1 + bytes[at]));
    at++;
    return found;
  };
  while (bytes[at] !== 0x3b) {
    if (bytes[at] === 0x21) {
      if (bytes[at + 1] === 0xf9) {
        if (bytes[at + 3] >> 2 !== 1) throw new Error("a frame that is not kept");
        transparent = bytes[at + 3] & 1 ? bytes[at + 6] : -1;
        delay = view.getUint16(at + 4, true);
      }
      at += 2;
      blocks();
    } else if (bytes[at] === 0x2c) {
      const [left, top, w, h] = [1, 3, 5, 7].map((field) => view.getUint16(at + field, true));
      if (left + w > width || top + h > height) throw new Error("a frame that leaves the screen");
      if (bytes[at + 9] < 0x80) throw new Error("a frame without a palette of its own");
      const colours = 2 << (bytes[at + 9] & 7);
      const palette = bytes.subarray(at + 10, at + 10 + 3 * colours);
      at += 10 + 3 * colours;
      const colourBits = bytes[at++];
      const indices = unpack(blocks(), colourBits);
      if (indices.length !== w * h) throw new Error(`${indices.length} pixels of ${w}×${h}`);
      for (const [i, index] of indices.entries()) {
        if (index === transparent) continue;
        screen[(top + Math.floor(i / w)) * width + left + (i % w)] = [...palette.subarray(3 * index, 3 * index + 3)];
      }
      const rgb = screen.map((pixel) => {
        if (!pixel) throw new Error("a pixel that was never drawn");
        return pixel;
      });
      frames.push({ width, height, delay, rgb, rectangle: { left, top, width: w, height: h }, colours });
    } else throw new Error(`block ${bytes[at]} at ${at}`);
  }
  return frames;
}

function unpack(data: number[], colourBits: number): number[] {
  const clear = 1 << colourBits;
  const out: number[] = [];
  let table: number[][] = [];
  let width = colourBits + 1;
  let before: number[] | null = null;
  for (let bit = 0; ; ) {
    let code = 0;
    for (let i = 0; i < width; i++, bit++) code |= ((data[bit >> 3] >> (bit & 7)) & 1) << i;
    if (code === clear + 1) {
      if (data.length !== Math.ceil(bit / 8)) throw new Error("bytes behind the end code");
      return out;
    }
    if (code === clear) {
      table = Array.from({ length: clear + 2 }, (_, i) => [i]);
      width = colourBits + 1;
      before = null;
      continue;
    }
    const entry: number[] = table[code] ?? [...before!, before![0]];
    out.push(...entry);
    if (before && table.length < 4096) table.push([...before, entry[0]]);
    if (table.length === 1 << width && width < 12) width++;
    before = entry;
  }
}

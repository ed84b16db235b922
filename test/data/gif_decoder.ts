/** Reads GIFs, for tests. */

/** Reads a GIF as decoders do: blocks, palettes, LZW. @returns a frame's size, delay and colours */
export function decodeGif(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: { width: number; height: number; delay: number; rgb: number[][] }[] = [];
  let at = 13;
  let delay = 0;
  const blocks = () => {
    const found: number[] = [];
    for (; bytes[at] !== 0; at += bytes[at] + 1) found.push(...bytes.subarray(at + 1, at + 1 + bytes[at]));
    at++;
    return found;
  };
  while (bytes[at] !== 0x3b) {
    if (bytes[at] === 0x21) {
      if (bytes[at + 1] === 0xf9) delay = view.getUint16(at + 4, true);
      at += 2;
      blocks();
    } else if (bytes[at] === 0x2c) {
      const [width, height] = [view.getUint16(at + 5, true), view.getUint16(at + 7, true)];
      if (bytes[at + 9] !== 0x87) throw new Error("a frame without a palette of its own");
      const palette = bytes.subarray(at + 10, at + 10 + 768);
      at += 10 + 768 + 1;
      const indices = unpack(blocks());
      if (indices.length !== width * height) throw new Error(`${indices.length} pixels of ${width}×${height}`);
      frames.push({ width, height, delay, rgb: indices.map((i) => [...palette.subarray(3 * i, 3 * i + 3)]) });
    } else throw new Error(`block ${bytes[at]} at ${at}`);
  }
  return frames;
}

function unpack(data: number[]): number[] {
  const out: number[] = [];
  let table: number[][] = [];
  let width = 9;
  let before: number[] | null = null;
  for (let bit = 0; ; ) {
    let code = 0;
    for (let i = 0; i < width; i++, bit++) code |= ((data[bit >> 3] >> (bit & 7)) & 1) << i;
    if (code === 257) return out;
    if (code === 256) {
      table = Array.from({ length: 258 }, (_, i) => [i]);
      width = 9;
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

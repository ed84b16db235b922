/** Picture files for tests: what sharp makes, and what it does not. */
import sharp, { type Sharp } from "sharp";
import { crc32 } from "../../src/data/crc32.ts";

export type Encoding = "jpeg" | "png" | "webp" | "gif" | "avif" | "tiff";

/** A picture whose corners and colours all differ, with a little noise. @returns [height, width, channels], u8 */
export function gradient(width: number, height: number, channels: 3 | 4 = 3): Uint8Array {
  const pixels = new Uint8Array(width * height * channels);
  for (let i = 0, noise = 1; i < pixels.length; i++) {
    const [x, y] = [Math.floor(i / channels) % width, Math.floor(i / channels / width)];
    noise = (noise * 1103515245 + 12345) % 2 ** 31;
    const value = [(x * 255) / width, (y * 255) / height, 255 - (x * 128) / width - (y * 127) / height][i % channels];
    pixels[i] = value === undefined ? (y * 255) / (height - 1) : Math.min(255, value + ((noise >> 16) % 7));
  }
  return pixels;
}

export function gradientImage(width: number, height: number, channels: 3 | 4 = 3): Sharp {
  return sharp(gradient(width, height, channels), { raw: { width, height, channels } });
}

export async function encoded(image: Sharp, encoding: Encoding, options: object = {}): Promise<Uint8Array> {
  return new Uint8Array(await image.clone().toFormat(encoding, options).toBuffer());
}

/** EXIF data with nothing but an orientation. */
export function exifOf(orientation: number, little = false): Uint8Array {
  const view = new DataView(new ArrayBuffer(26));
  view.setUint16(0, little ? 0x4949 : 0x4d4d);
  view.setUint16(2, 42, little);
  view.setUint32(4, 8, little);
  view.setUint16(8, 1, little);
  view.setUint16(10, 0x0112, little);
  view.setUint16(12, 3, little);
  view.setUint32(14, 1, little);
  view.setUint16(18, orientation, little);
  return new Uint8Array(view.buffer);
}

export function pngChunk(type: string, content: Uint8Array): Uint8Array {
  const named = joined(bytesOf(type), content);
  return joined(bigEndian(content.length), named, bigEndian(crc32(named)));
}

/** A PNG with more chunks behind its header, or else before its end. */
export function withPngChunks(png: Uint8Array, chunks: Uint8Array[], where: "first" | "last" = "first"): Uint8Array {
  const at = where === "first" ? 33 : png.length - 12;
  return joined(png.subarray(0, at), ...chunks, png.subarray(at));
}

/** A PNG's header, then these data. */
export function pngWithData(png: Uint8Array, deflated: Uint8Array): Uint8Array {
  return joined(png.subarray(0, 33), pngChunk("IDAT", deflated), pngChunk("IEND", new Uint8Array(0)));
}

/** An extended WebP of a plain one. @param chunks names and contents, behind the picture */
export function extendedWebp(
  webp: Uint8Array,
  width: number,
  height: number,
  chunks: [name: string, content: Uint8Array][],
): Uint8Array {
  const sides = [width - 1, height - 1].flatMap((side) => [side & 255, (side >> 8) & 255, side >> 16]);
  const header = Uint8Array.from([0x08, 0, 0, 0, ...sides]);
  const picture = webp.subarray(12);
  return riff(joined(webpChunk("VP8X", header), picture, ...chunks.map(([name, content]) => webpChunk(name, content))));
}

export function webpChunk(name: string, content: Uint8Array): Uint8Array {
  return joined(bytesOf(name), littleEndian(content.length), content, new Uint8Array(content.length % 2));
}

export function riff(chunks: Uint8Array): Uint8Array {
  return joined(bytesOf("RIFF"), littleEndian(4 + chunks.length), bytesOf("WEBP"), chunks);
}

/** A box of an ISO base media file. */
export function box(type: string, ...content: Uint8Array[]): Uint8Array {
  const inside = joined(...content);
  return joined(bigEndian(8 + inside.length), bytesOf(type), inside);
}

/** What a HEIC file says of its size, without any picture. */
export function heicOf(...sizes: [width: number, height: number][]): Uint8Array {
  const properties = sizes.map(([width, height]) => box("ispe", bigEndian(0, width, height)));
  const meta = box("meta", bigEndian(0), box("iprp", box("ipco", box("colr", bigEndian(1)), ...properties)));
  return joined(box("ftyp", bytesOf("heic"), bigEndian(0), bytesOf("mif1heic")), meta, box("mdat", bigEndian(1, 2)));
}

export function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts));
}

export function bigEndian(...values: number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [24, 16, 8, 0].map((shift) => value >>> shift)));
}

const littleEndian = (value: number) => bigEndian(value).reverse();
const bytesOf = (text: string) => new TextEncoder().encode(text);

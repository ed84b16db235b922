/** PNG files in Node. */
import { PNG, type PNGWithMetadata } from "pngjs";
import { crc32 } from "../data/crc32.ts";
import type { Image } from "../data/image.ts";
import type { Picture } from "../data/picture_file.ts";
import { decodePicture } from "./decode.ts";

/** PNG's names for the channels of a pixel. */
const colorTypes = { rgb: 2, rgba: 6 } as const;
const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** Marks the files that catgan wrote: the only ones that it replaces without --force. */
const software = chunk("tEXt", Buffer.from("Software\0catgan", "latin1"));
/** After the signature and IHDR. */
const softwareOffset = 8 + 25;

/** An opaque image as a PNG file. */
export function encodePng({ width, height, rgba }: Image): Uint8Array {
  return encode(width, height, rgba, "rgba");
}

/** A picture as a PNG file (ISO/IEC 15948) of 8-bit RGB. */
export function encodeRgbPng({ width, height, rgb }: Picture): Uint8Array {
  return encode(width, height, rgb, "rgb");
}

function encode(width: number, height: number, data: Uint8Array, channels: keyof typeof colorTypes): Uint8Array {
  // The types ask for a whole PNG object, of which `write` reads these three properties only.
  const bytes = PNG.sync.write({ width, height, data } as PNGWithMetadata, {
    inputColorType: colorTypes[channels],
    colorType: colorTypes.rgb,
    // Paeth for all rows: as good for photographs as trying all five filters, and faster (docs/decisions.md).
    filterType: 4,
    // zlib's own defaults. Those of pngjs (9 and 3) search for runs only, which is slower here and compresses no better.
    deflateLevel: 6,
    deflateStrategy: 0,
  });
  return Buffer.concat([bytes.subarray(0, softwareOffset), software, bytes.subarray(softwareOffset)]);
}

/** Whether `encodePng` wrote a file that begins like this. */
export function isOurPng(beginning: Uint8Array): boolean {
  const mark = beginning.subarray(softwareOffset, softwareOffset + software.length);
  return signature.every((byte, i) => byte === beginning[i]) && Buffer.compare(mark, software) === 0;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, "latin1");
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}

/** A picture's file as an opaque image. @throws a one-line Error when it is not a picture */
export async function decodePng(bytes: Uint8Array): Promise<Image> {
  const { width, height, rgb } = await decodePicture(bytes);
  const rgba = new Uint8Array(width * height * 4).fill(255);
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
    rgba[to] = rgb[from];
    rgba[to + 1] = rgb[from + 1];
    rgba[to + 2] = rgb[from + 2];
  }
  return { width, height, rgba };
}

/** PNG files in Node. */
import { deflateSync } from "node:zlib";
import { crc32 } from "../data/crc32.ts";
import type { Image } from "../data/image.ts";
import type { Picture } from "../data/picture_file.ts";
import { paeth } from "../data/png.ts";
import { decodePicture } from "./decode.ts";

/** An opaque image as a PNG file. */
export function encodePng({ width, height, rgba }: Image): Uint8Array {
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    rgb[to] = rgba[from];
    rgb[to + 1] = rgba[from + 1];
    rgb[to + 2] = rgba[from + 2];
  }
  return encodeRgbPng({ width, height, rgb });
}

const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** The filter for all rows: of the five it is the best for photographs, and trying others takes longer than it is worth. */
const paethFilter = 4;
/** Marks the files that catgan wrote: the only ones that it replaces without --force. */
const software = chunk("tEXt", Buffer.from("Software\0catgan", "latin1"));
/** After the signature and IHDR. */
const softwareOffset = 8 + 25;

/** A picture as a PNG file (ISO/IEC 15948) of 8-bit RGB. */
export function encodeRgbPng({ width, height, rgb }: Picture): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const rowBytes = width * 3;
  const filtered = new Uint8Array(height * (1 + rowBytes));
  for (let y = 0, from = 0, to = 0; y < height; y++) {
    filtered[to++] = paethFilter;
    for (let i = 0; i < rowBytes; i++, from++) {
      const left = i < 3 ? 0 : rgb[from - 3];
      const above = y === 0 ? 0 : rgb[from - rowBytes];
      const corner = i < 3 || y === 0 ? 0 : rgb[from - rowBytes - 3];
      filtered[to++] = rgb[from] - paeth(left, above, corner);
    }
  }
  const end = new Uint8Array(0);
  const data = chunk("IDAT", deflateSync(filtered));
  return Buffer.concat([signature, chunk("IHDR", header), software, data, chunk("IEND", end)]);
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

/** A picture's file as an opaque image. @throws Error in one line when it is none */
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

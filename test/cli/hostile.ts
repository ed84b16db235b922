import { constants, deflateRawSync } from "node:zlib";
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter, type ZipWriterAddDataOptions } from "@zip.js/zip.js";
import { PNG } from "pngjs";
import sharp from "sharp";

/** One to four random injuries: flipped bits, bytes of 00, FF or anything, a part cut out, cut off, doubled or moved. */
export function mutate(original: Uint8Array, random: () => number): Uint8Array<ArrayBuffer> {
  const below = (n: number) => Math.floor(random() * n);
  let bytes: number[] = [...original];
  for (let left = 1 + below(4); left > 0 && bytes.length > 1; left--) {
    const at = below(bytes.length);
    const length = 1 + below(Math.min(64, bytes.length - at));
    switch (below(7)) {
      case 0:
        bytes[at] ^= 1 << below(8);
        break;
      case 1:
        bytes[at] = below(256);
        break;
      case 2:
        bytes.fill(random() < 0.5 ? 0 : 255, at, at + Math.min(length, 8));
        break;
      case 3:
        bytes = bytes.slice(0, at);
        break;
      case 4:
        bytes.splice(at, length);
        break;
      case 5:
        bytes.splice(at, 0, ...bytes.slice(at, at + length));
        break;
      case 6:
        bytes.splice(below(bytes.length), 0, ...bytes.splice(at, length));
        break;
    }
  }
  return Uint8Array.from(bytes);
}

/** Raw deflate data, a KiB for every MiB: a beginning, then so many MiB of zeros, which are never in memory themselves. */
export function bombOf(beginning: Uint8Array, mebibytes: number): Buffer {
  // A full flush ends on a byte and refers to nothing before it: such pieces can be repeated.
  const piece = (bytes: Uint8Array) => deflateRawSync(bytes, { finishFlush: constants.Z_FULL_FLUSH });
  return Buffer.concat([piece(beginning), ...new Array(mebibytes).fill(piece(new Uint8Array(2 ** 20)))]);
}

/** Peak memory of this process so far, in MiB. */
export const peakMiB = () => process.resourceUsage().maxRSS / 1024;

export type Paint = (x: number, y: number) => readonly [r: number, g: number, b: number];

function rgbaOf(width: number, height: number, paint: Paint): Buffer {
  const rgba = Buffer.alloc(width * height * 4, 255);
  for (let i = 0; i < width * height; i++) rgba.set(paint(i % width, Math.floor(i / width)), i * 4);
  return rgba;
}

export async function jpegOf(width: number, height: number, paint: Paint): Promise<Uint8Array> {
  const raw = sharp(rgbaOf(width, height, paint), { raw: { width, height, channels: 4 } });
  return new Uint8Array(await raw.removeAlpha().jpeg({ quality: 95, chromaSubsampling: "4:4:4" }).toBuffer());
}

export function pngOf(width: number, height: number, paint: Paint): Uint8Array {
  const png = new PNG({ width, height });
  png.data = rgbaOf(width, height, paint);
  return new Uint8Array(PNG.sync.write(png));
}

export type Entry = [name: string, bytes: Uint8Array, options?: ZipWriterAddDataOptions];

/** A zip by another hand than the one that reads them here. */
export async function zipOf(entries: Entry[]): Promise<Uint8Array<ArrayBuffer>> {
  const writer = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false, keepOrder: true });
  for (const [name, bytes, how] of entries) await writer.add(name, new Uint8ArrayReader(bytes), how);
  return writer.close();
}

/** The zip's end record: +8 and +10 count, +12 the directory's bytes, +16 its offset, +20 length of the comment. */
export function endRecord(zip: Uint8Array): DataView {
  const at = Buffer.from(zip.buffer, zip.byteOffset, zip.length).lastIndexOf("PK\x05\x06", undefined, "latin1");
  return new DataView(zip.buffer, zip.byteOffset + at);
}

/** The same zip with another count of entries in its end record. */
export function countedAs(zip: Uint8Array, count: number): Uint8Array<ArrayBuffer> {
  const result = Uint8Array.from(zip);
  for (const at of [8, 10]) endRecord(result).setUint16(at, count, true);
  return result;
}

/** The n-th entry's record in the zip's directory: +10 method, +16 CRC, +20 compressed, +24 uncompressed, +42 offset. */
export function record(zip: Uint8Array, n: number): DataView {
  let at = -1;
  for (let left = n; left >= 0; left--)
    at = Buffer.from(zip.buffer, zip.byteOffset, zip.length).indexOf("PK\x01\x02", at + 1, "latin1");
  return new DataView(zip.buffer, zip.byteOffset + at);
}

/** What all picture files have in common. */

/** 8-bit RGB. */
export interface Picture {
  width: number;
  height: number;
  /** [height, width, 3] */
  rgb: Uint8Array;
}

/** 64 megapixels, what the largest phones deliver; decoding takes up to 11 bytes a pixel. */
export const maxPixels = 8192 * 8192;

export type PictureFormat = "JPEG" | "PNG" | "WebP" | "GIF" | "TIFF" | "AVIF" | "HEIC";

/** How many of a file's first bytes identify its format. */
export const beginningBytes = 64;

/** The file's format by its first {@link beginningBytes}; null where it is none of these. */
export function pictureFormat(bytes: Uint8Array): PictureFormat | null {
  const startsWith = (...magic: number[]) => magic.every((byte, i) => bytes[i] === byte);
  const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
  if (startsWith(0xff, 0xd8, 0xff)) return "JPEG";
  if (startsWith(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) return "PNG";
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") return "WebP";
  if (text(0, 6) === "GIF87a" || text(0, 6) === "GIF89a") return "GIF";
  if (text(0, 4) === "II*\0" || text(0, 4) === "MM\0*") return "TIFF";
  return text(4, 8) === "ftyp" ? isobmffFormat(bytes) : null;
}

const brandFormats: Record<string, PictureFormat> = {
  avif: "AVIF",
  avis: "AVIF",
  heic: "HEIC",
  heix: "HEIC",
  hevc: "HEIC",
};

/** AVIF and HEIC are ISO base media files (ISO/IEC 14496-12): their first box lists the brands that they conform to. */
function isobmffFormat(bytes: Uint8Array): PictureFormat | null {
  const end = Math.min(bytes.length, new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0));
  for (let at = 8; at + 4 <= end; at += 4) {
    const format = brandFormats[String.fromCharCode(...bytes.subarray(at, at + 4))];
    if (format) return format;
  }
  return null;
}

/** The reason to refuse a file in none of these formats. */
export const unknownFormat = "its first bytes are not those of a known picture format";

/** @throws Error if a header's size is zero, or beyond the limit */
export function checkSize(format: string, width: number, height: number): void {
  if (width < 1 || height < 1) throw new Error(`damaged ${format}: its size is ${width}×${height}`);
  if (width * height > maxPixels) {
    throw new Error(`${format} of ${width}×${height} pixels: the limit is 64 megapixels; make it smaller first`);
  }
}

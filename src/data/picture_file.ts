/** What all picture files have in common. */

/** 8-bit RGB. */
export interface Picture {
  width: number;
  height: number;
  /** [height, width, 3] */
  rgb: Uint8Array;
}

/** 64 megapixels, what the largest phones deliver; decoding takes up to 30 bytes a pixel. */
export const maxPixels = 8192 * 8192;

/** The file's format by its first bytes (8 are enough); null where it is neither. */
export function pictureFormat(bytes: Uint8Array): "JPEG" | "PNG" | null {
  const startsWith = (magic: number[]) => magic.every((byte, i) => bytes[i] === byte);
  if (startsWith([0xff, 0xd8, 0xff])) return "JPEG";
  return startsWith([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) ? "PNG" : null;
}

/** Of a file that is neither. */
export const unknownFormat = "neither JPEG nor PNG by its first bytes";

/** @throws Error where a header's size is nothing, or more than is decoded */
export function checkSize(format: string, width: number, height: number): void {
  if (width < 1 || height < 1) throw new Error(`damaged ${format}: its size is ${width}×${height}`);
  if (width * height > maxPixels) {
    throw new Error(`${format} of ${width}×${height} pixels: at most 64 megapixels are decoded, make it smaller first`);
  }
}

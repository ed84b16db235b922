/** PNG files in Node. */
import { PNG } from "pngjs";
import type { Image } from "../data/image.ts";

/** An opaque image as a PNG file. */
export function encodePng({ width, height, rgba }: Image): Uint8Array {
  const png = new PNG({ width, height });
  png.data = Buffer.from(rgba.buffer, rgba.byteOffset, rgba.byteLength);
  return PNG.sync.write(png, { colorType: 2 });
}

/** @throws Error when it is no PNG */
export function decodePng(bytes: Uint8Array): Image {
  const { width, height, data } = PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return { width, height, rgba: data };
}

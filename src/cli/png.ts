/** Pictures to PNG files: grids for people to look at. */
import { PNG } from "pngjs";
import type { Pictures } from "../data/pictures.ts";
import { gridExtent, gridGap } from "../kernels/pictures.ts";
import type { Image } from "../train/sampler.ts";

/** Dark grey between the pictures, as in shaders/sample_grid.wgsl. */
const background = [24, 24, 27, 255];

/** An opaque image as a PNG file. */
export function encodePng({ width, height, rgba }: Image): Uint8Array {
  const png = new PNG({ width, height });
  png.data = Buffer.from(rgba.buffer, rgba.byteOffset, rgba.byteLength);
  return PNG.sync.write(png, { colorType: 2 });
}

/** Images are not enlarged past this many pixels. */
const widest = 2048;

/** A grid of small pictures made large enough to look at, each pixel a square: 32-pixel pictures three times. */
export function enlarge({ width, height, rgba }: Image, pictureSize: number): Image {
  const factor = Math.max(1, Math.min(Math.floor(112 / pictureSize), Math.floor(widest / width)));
  const large = { width: width * factor, height: height * factor };
  const from = new Uint32Array(rgba.buffer, rgba.byteOffset, width * height);
  const to = new Uint32Array(large.width * large.height);
  for (let i = 0; i < to.length; i++) {
    const v = Math.floor(i / large.width / factor);
    to[i] = from[v * width + Math.floor((i % large.width) / factor)];
  }
  return { ...large, rgba: new Uint8Array(to.buffer) };
}

/** Pictures side by side, with gaps between and around them. */
export function pictureGrid({ size, count, pixels }: Pictures, columns: number): Image {
  const { width, height } = gridExtent(count, size, columns);
  const rgba = new Uint8Array(width * height * 4);
  for (let at = 0; at < rgba.length; at += 4) rgba.set(background, at);
  for (let n = 0; n < count; n++) {
    const left = gridGap + (n % columns) * (size + gridGap);
    const top = gridGap + Math.floor(n / columns) * (size + gridGap);
    for (let i = 0; i < size * size; i++) {
      const to = ((top + Math.floor(i / size)) * width + left + (i % size)) * 4;
      const from = (n * size * size + i) * 3;
      rgba.set(pixels.subarray(from, from + 3), to);
    }
  }
  return { width, height, rgba };
}

/** The pictures of a one-column grid, without the gaps. @returns [count, size, size, 3], u8 */
export function cutColumn({ width, rgba }: Image, size: number, count: number): Uint8Array {
  const pixels = new Uint8Array(count * size * size * 3);
  for (let n = 0; n < count; n++) {
    const top = gridGap + n * (size + gridGap);
    for (let i = 0; i < size * size; i++) {
      const from = ((top + Math.floor(i / size)) * width + gridGap + (i % size)) * 4;
      pixels.set(rgba.subarray(from, from + 3), (n * size * size + i) * 3);
    }
  }
  return pixels;
}

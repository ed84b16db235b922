/** Pictures side by side as one image, and back. */
import { gridExtent, gridGap } from "../kernels/grid_extent.ts";
import type { Image } from "./image.ts";
import type { Pictures } from "./pictures.ts";

/** Dark grey between the pictures, as in shaders/pictures/sample_grid.wgsl. */
const background = [24, 24, 27, 255];

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

/** The pictures of a grid, row by row, without the gaps. @returns [count, size, size, 3], u8 */
export function cutGrid({ width, rgba }: Image, size: number, count: number, columns = 1): Uint8Array<ArrayBuffer> {
  const pixels = new Uint8Array(count * size * size * 3);
  for (let n = 0; n < count; n++) {
    const left = gridGap + (n % columns) * (size + gridGap);
    const top = gridGap + Math.floor(n / columns) * (size + gridGap);
    for (let i = 0; i < size * size; i++) {
      const from = ((top + Math.floor(i / size)) * width + left + (i % size)) * 4;
      pixels.set(rgba.subarray(from, from + 3), (n * size * size + i) * 3);
    }
  }
  return pixels;
}

import type { Picture } from "../data/picture_file.ts";

/** Turns and mirrors a picture that was stored in one of EXIF's eight orientations. */
export function upright({ width, height, rgb }: Picture, orientation: number): Picture {
  if (orientation === 1) return { width, height, rgb };
  const right = width - 1;
  const bottom = (height - 1) * width;
  // Where the result's first pixel lies in the stored picture, and how far apart its neighbours to the right and below.
  const [origin, stepX, stepY] = [
    [right, -1, width], // 2: mirrored
    [right + bottom, -1, -width], // 3: upside down
    [bottom, 1, -width], // 4: upside down, mirrored
    [0, width, 1], // 5: rows and columns swapped
    [bottom, -width, 1], // 6: to be turned clockwise
    [right + bottom, -width, -1], // 7: swapped along the other diagonal
    [right, width, -1], // 8: to be turned counterclockwise
  ][orientation - 2];
  const turned = orientation >= 5 ? { width: height, height: width } : { width, height };
  const result = new Uint8Array(rgb.length);
  let to = 0;
  for (let y = 0; y < turned.height; y++) {
    for (let x = 0; x < turned.width; x++) {
      const from = (origin + x * stepX + y * stepY) * 3;
      result[to++] = rgb[from];
      result[to++] = rgb[from + 1];
      result[to++] = rgb[from + 2];
    }
  }
  return { ...turned, rgb: result };
}

/** EXIF's orientations: 1 (upright) to 8. */
import type { Picture } from "./picture_file.ts";

/** Turns and mirrors a picture that was stored in one of the eight orientations. */
export function upright({ width, height, rgb }: Picture, orientation: number): Picture {
  if (orientation === 1) return { width, height, rgb };
  const [origin, stepX, stepY] = placesOf(orientation, width, height);
  const result = new Uint8Array(rgb.length);
  for (let y = 0, from = 0; y < height; y++) {
    let to = (origin + y * stepY) * 3;
    for (let x = 0; x < width; x++, from += 3, to += 3 * stepX) {
      result[to] = rgb[from];
      result[to + 1] = rgb[from + 1];
      result[to + 2] = rgb[from + 2];
    }
  }
  return orientation >= 5 ? { width: height, height: width, rgb: result } : { width, height, rgb: result };
}

/**
 * Where the stored pixels of a picture belong in the upright one: the index of the first one, and the
 * index steps to its right and lower neighbours, row by row.
 */
export function placesOf(orientation: number, width: number, height: number): [number, number, number] {
  const [right, bottom] = [width - 1, height - 1];
  switch (orientation) {
    case 2: // mirrored
      return [right, -1, width];
    case 3: // upside down
      return [bottom * width + right, -1, -width];
    case 4: // upside down, mirrored
      return [bottom * width, 1, -width];
    case 5: // rows and columns swapped
      return [0, height, 1];
    case 6: // to be turned clockwise
      return [bottom, height, -1];
    case 7: // swapped along the other diagonal
      return [right * height + bottom, -height, -1];
    case 8: // to be turned counterclockwise
      return [right * height, -height, 1];
    default:
      return [0, 1, width];
  }
}

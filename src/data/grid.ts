/**
 * A grid of pictures as one image: the only place that decides where pictures are in a grid, what is between and around
 * them, and how much a grid is enlarged. Everything that draws a grid uses it: files, the page's canvas, films.
 */
import { corner, type Image, scaled, shrunk } from "./image.ts";
import type { Pictures } from "./pictures.ts";

/** Width of the gaps between pictures and of the margin, in pixels. */
export const gridGap = 2;
/** Red, green and blue of the gaps, the margin and empty cells: dark grey. */
export const gridColour = [24, 24, 27] as const;

/** Pictures of an enlarged grid are at most this many pixels wide, and the grid itself at most `widestGrid`. */
const widestPicture = 112;
const widestGrid = 2048;

/** Pictures in the preview of a run with pictures of this size: 6×6 or 8×8. */
export function previewCount(size: number): number {
  return size === 128 ? 36 : 64;
}

/** Columns that make a grid of `count` pictures closest to square. */
export function squareColumns(count: number): number {
  return Math.ceil(Math.sqrt(count));
}

/** Pixels from the edge of a grid to the far side of the gap after `pictures` pictures. */
const offset = (pictures: number, size: number) => pictures * (size + gridGap) + gridGap;

/** Width and height of a grid, in pixels, before it is enlarged. */
export function gridExtent(count: number, size: number, columns: number): { width: number; height: number } {
  return { width: offset(columns, size), height: offset(Math.ceil(count / columns), size) };
}

/** The upper left corner of picture n, in pixels. */
export function gridPlace(n: number, size: number, columns: number): { left: number; top: number } {
  return { left: offset(n % columns, size), top: offset(Math.floor(n / columns), size) };
}

/** Pictures side by side, row by row. */
export function pictureGrid({ size, count, pixels }: Pictures, columns = squareColumns(count)): Image {
  const { width, height } = gridExtent(count, size, columns);
  const rgba = new Uint8Array(width * height * 4);
  for (let at = 0; at < rgba.length; at += 4) rgba.set([...gridColour, 255], at);
  for (let n = 0; n < count; n++) {
    const { left, top } = gridPlace(n, size, columns);
    for (let i = 0; i < size * size; i++) {
      const to = ((top + Math.floor(i / size)) * width + left + (i % size)) * 4;
      const from = (n * size * size + i) * 3;
      rgba.set(pixels.subarray(from, from + 3), to);
    }
  }
  return { width, height, rgba };
}

/** `pictureGrid`, enlarged by a whole factor for display: 32-pixel pictures three times. */
export function enlargedGrid(pictures: Pictures, columns = squareColumns(pictures.count)): Image {
  const grid = pictureGrid(pictures, columns);
  return scaled(grid, enlargement(pictures.size, grid.width));
}

function enlargement(size: number, gridWidth: number): number {
  return Math.max(1, Math.min(Math.floor(widestPicture / size), Math.floor(widestGrid / gridWidth)));
}

/** A grid that was read from a file, at its original size. */
export interface ReadGrid {
  readonly image: Image;
  readonly columns: number;
  readonly rows: number;
}

/**
 * The inverse of `enlargedGrid` up to its pixels.
 * @returns null if the image is not such a grid of `size`×`size` pictures
 */
export function readGrid(image: Image, size: number): ReadGrid | null {
  // A width belongs to one number of columns: enlarged by f and f′, two grids differ modulo size + gap by gap·(f − f′).
  for (let columns = 1; ; columns++) {
    const { width } = gridExtent(columns, size, columns);
    if (width > image.width) return null;
    const factor = enlargement(size, width);
    const rows = (image.height / factor - gridGap) / (size + gridGap);
    if (width * factor !== image.width || !Number.isInteger(rows) || rows < 1) continue;
    return { image: shrunk(image, factor), columns, rows };
  }
}

/** The upper left pictures of a grid, as a grid. */
export function cornerOfGrid({ image }: ReadGrid, size: number, columns: number, rows: number): Image {
  return corner(image, gridExtent(columns * rows, size, columns));
}

/** Images to look at, and enlarging them by whole factors. */

/** RGBA, 8 bits each. */
export interface Image {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8Array;
}

/**
 * Approximate width in pixels of a picture in a GIF's grid: less than in a PNG's (grid.ts), where size matters less.
 */
export const gifPictureWidth = 64;

/** The factor that enlarges pictures of this size to at most this width. */
export function factorFor(pictureSize: number, width: number): number {
  return Math.max(1, Math.floor(width / pictureSize));
}

/** Each pixel a square of factor × factor. */
export function scaled({ width, height, rgba }: Image, factor: number): Image {
  const large = { width: width * factor, height: height * factor };
  const from = new Uint32Array(rgba.buffer, rgba.byteOffset, width * height);
  const to = new Uint32Array(large.width * large.height);
  for (let i = 0; i < to.length; i++) {
    const v = Math.floor(i / large.width / factor);
    to[i] = from[v * width + Math.floor((i % large.width) / factor)];
  }
  return { ...large, rgba: new Uint8Array(to.buffer) };
}

/** The upper left corner. */
export function corner({ width, rgba }: Image, extent: { width: number; height: number }): Image {
  const cut = new Uint8Array(extent.width * extent.height * 4);
  for (let row = 0; row < extent.height; row++) {
    const from = row * width * 4;
    cut.set(rgba.subarray(from, from + extent.width * 4), row * extent.width * 4);
  }
  return { ...extent, rgba: cut };
}

/** The inverse of `scaled`. @param factor of which width and height are multiples */
export function shrunk({ width, height, rgba }: Image, factor: number): Image {
  const small = { width: width / factor, height: height / factor };
  const pixels = new Uint8Array(small.width * small.height * 4);
  for (let y = 0, to = 0; y < height; y += factor) {
    for (let x = 0; x < width; x += factor, to += 4)
      pixels.set(rgba.subarray((y * width + x) * 4, (y * width + x) * 4 + 4), to);
  }
  return { ...small, rgba: pixels };
}

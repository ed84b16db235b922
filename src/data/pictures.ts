/** Square RGB pictures in one block: `count` pictures of `size`×`size` pixels, u8, layout NHWC with C = 3. */
export interface Pictures {
  /** Height and width of every picture, in pixels. */
  readonly size: number;
  readonly count: number;
  /** [count, size, size, 3], each 0…255. */
  readonly pixels: Uint8Array;
  /** Identifies the files that photographs were made from: see `identityOf`. Painted cats have none. */
  readonly identity?: string;
}

/** How many cats are painted for a run, by size: as many as can be painted in a few seconds. */
const paintedCounts: Record<number, number> = { 16: 2048, 32: 2048, 64: 1024, 128: 512 };

/** Painted cats of a run whose pictures are `size` wide. */
export function paintedCount(size: number): number {
  return paintedCounts[size];
}

/** Some of the pictures, in this order. */
export function pickPictures({ size, pixels }: Pictures, indices: ArrayLike<number>): Pictures {
  const bytes = size * size * 3;
  const picked = new Uint8Array(indices.length * bytes);
  for (let n = 0; n < indices.length; n++) {
    picked.set(pixels.subarray(indices[n] * bytes, (indices[n] + 1) * bytes), n * bytes);
  }
  return { size, count: indices.length, pixels: picked };
}

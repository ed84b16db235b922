/** Square RGB pictures in one block: `count` pictures of `size`×`size` pixels, u8, layout NHWC with C = 3. */
export interface Pictures {
  /** Height and width of every picture, in pixels. */
  readonly size: number;
  readonly count: number;
  /** [count, size, size, 3], each 0…255. */
  readonly pixels: Uint8Array;
}

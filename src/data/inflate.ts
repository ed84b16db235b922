/** Inflating, by Node's or the browser's own implementation. */

/** Node inflates synchronously, a browser asynchronously. */
export type Later<T> = T | Promise<T>;

/**
 * Inflates deflated data, "zlib" with its header and checksum (as in PNGs) or "raw" (as in zips).
 * @returns at most `atMost` bytes; the caller checks that the number is as expected
 * @throws InflateError no more than a few MiB after `atMost` bytes, however large the data would become
 */
export type Inflate = (data: Uint8Array, kind: "zlib" | "raw", atMost: number) => Later<Uint8Array>;

const words = {
  broken: "its compressed data are broken or cut short",
  "too long": "more data than expected",
};

export class InflateError extends Error {
  constructor(readonly fault: keyof typeof words) {
    super(words[fault]);
  }
}

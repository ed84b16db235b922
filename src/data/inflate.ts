/** What Node and browsers, which both bring an inflater of their own, are asked for. */

/** Node answers at once, a browser later. */
export type Later<T> = T | Promise<T>;

/**
 * Inflates deflated data, "zlib" with its header and checksum (as in PNGs) or "raw" (as in zips).
 * @returns at most `atMost` bytes; whether they are as many as expected is for the caller to check
 * @throws InflateError no more than a few MiB after `atMost` bytes, however much the data would come to
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

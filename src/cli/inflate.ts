/** zlib, for Node and Deno. */
import { inflateRawSync, inflateSync } from "node:zlib";
import { InflateError } from "../data/inflate.ts";

/** {@link Inflate}, synchronously. */
export function inflate(data: Uint8Array, kind: "zlib" | "raw", atMost: number): Uint8Array {
  try {
    // Node does not accept a limit of 0; the caller notices the extra byte.
    return (kind === "zlib" ? inflateSync : inflateRawSync)(data, { maxOutputLength: Math.max(1, atMost) });
  } catch (error) {
    throw new InflateError((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE" ? "too long" : "broken");
  }
}

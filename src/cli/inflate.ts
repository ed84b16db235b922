/** zlib, for Node and Deno. */
import { inflateRawSync, inflateSync } from "node:zlib";
import { InflateError } from "../data/inflate.ts";

/** {@link Inflate} at once. */
export function inflate(data: Uint8Array, kind: "zlib" | "raw", atMost: number): Uint8Array {
  try {
    // Node has no limit of 0, and the caller sees that there is a byte too many.
    return (kind === "zlib" ? inflateSync : inflateRawSync)(data, { maxOutputLength: Math.max(1, atMost) });
  } catch (error) {
    throw new InflateError((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE" ? "too long" : "broken");
  }
}

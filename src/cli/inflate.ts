/** Inflating with zlib. For Node and Deno only; a page has the browser's own (src/page/pictures/inflate.ts). */
import { constants, inflateRawSync, inflateSync } from "node:zlib";
import { InflateError } from "../data/inflate.ts";
import type { Inflating } from "../data/zip.ts";

export const nodeInflating = {
  inflate(data: Uint8Array, kind: "zlib" | "raw", atMost: number): Uint8Array {
    try {
      // Node has no limit of 0, and the caller sees that there is a byte too many.
      return (kind === "zlib" ? inflateSync : inflateRawSync)(data, { maxOutputLength: Math.max(1, atMost) });
    } catch (error) {
      throw new InflateError((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE" ? "too long" : "broken");
    }
  },

  inflateBeginning: (data: Uint8Array): Uint8Array => inflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }),
} satisfies Inflating;

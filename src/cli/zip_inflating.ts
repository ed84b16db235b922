/** Inflates zips' entries in Node and Deno. The page does it in src/page/pictures/inflate.ts. */
import { constants, inflateRawSync } from "node:zlib";
import type { Inflating } from "../data/zip.ts";
import { inflate } from "./inflate.ts";

export const nodeInflating = {
  inflate,
  inflateBeginning: (data: Uint8Array): Uint8Array => inflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }),
} satisfies Inflating;

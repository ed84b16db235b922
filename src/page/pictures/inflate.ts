/** Inflating with the browser's own DecompressionStream, which knows no limit by itself. */
import { InflateError } from "../../data/inflate.ts";
import type { Inflating } from "../../data/zip.ts";

/** What is handed over at a time: deflate expands at most 1032 times, so no more than 16 MiB come back for it. */
const pieceBytes = 16 * 1024;

export const browserInflating: Inflating = {
  async inflate(data, kind, atMost) {
    const stream = new DecompressionStream(kind === "zlib" ? "deflate" : "deflate-raw");
    const result = new Uint8Array(atMost);
    let length = 0;
    let tooLong = false;
    const reader = stream.readable.getReader();
    const reading = (async () => {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        if (length + next.value.length > atMost) {
          tooLong = true;
          await reader.cancel();
          return;
        }
        result.set(next.value, length);
        length += next.value.length;
      }
    })();
    // Its failing is waited for below.
    reading.catch(() => {});
    const writer = stream.writable.getWriter();
    try {
      for (let at = 0; at < data.length && !tooLong; at += pieceBytes) {
        await writer.write(data.slice(at, at + pieceBytes));
      }
      if (!tooLong) await writer.close();
      await reading;
    } catch {
      // All is there, and something stands behind it: zlib in Node does not look that far.
      if (!tooLong && length < atMost) throw new InflateError("broken");
    }
    if (tooLong) throw new InflateError("too long");
    return result.subarray(0, length);
  },

  async inflateBeginning(data) {
    const stream = new DecompressionStream("deflate-raw");
    const reader = stream.readable.getReader();
    // Asked for before anything is written, so that it has come when closing finds that the data have no end.
    const beginning = reader.read();
    const writer = stream.writable.getWriter();
    for (const step of [writer.write(data.slice()), writer.close()]) step.catch(() => {});
    const { value } = await beginning;
    reader.cancel().catch(() => {});
    return value ?? new Uint8Array(0);
  },
};

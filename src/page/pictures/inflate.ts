/** Inflating with the browser's own DecompressionStream, which has no limit of its own. */
import { InflateError } from "../../data/inflate.ts";
import type { Inflating } from "../../data/zip.ts";

/** Bytes written at a time: deflate expands at most 1032 times, so at most 16 MiB result from them. */
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
    // Its failure is handled below.
    reading.catch(() => {});
    const writer = stream.writable.getWriter();
    try {
      for (let at = 0; at < data.length && !tooLong; at += pieceBytes) {
        await writer.write(data.slice(at, at + pieceBytes));
      }
      if (!tooLong) await writer.close();
      await reading;
    } catch {
      // The data are complete but followed by something else, which zlib in Node ignores.
      if (!tooLong && length < atMost) throw new InflateError("broken");
    }
    if (tooLong) throw new InflateError("too long");
    return result.subarray(0, length);
  },

  async inflateBeginning(data) {
    const stream = new DecompressionStream("deflate-raw");
    const reader = stream.readable.getReader();
    // Requested before anything is written, so that it has arrived when closing fails because the data are incomplete.
    const beginning = reader.read();
    const writer = stream.writable.getWriter();
    for (const step of [writer.write(data.slice()), writer.close()]) step.catch(() => {});
    const { value } = await beginning;
    reader.cancel().catch(() => {});
    return value ?? new Uint8Array(0);
  },
};

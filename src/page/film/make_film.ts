/** The main thread's end of the film worker, which lives for one film. */
import { newWorker } from "../new_worker.ts";
import type { FilmFrame, FilmOrder, FilmWorkerMessage } from "./protocol.ts";

/**
 * Rejects with an Error for the user, or with the signal's reason when that is aborted.
 * @param frames asked for one at a time
 */
export async function makeFilm(
  order: FilmOrder,
  frames: AsyncIterable<Blob | ImageData>,
  signal: AbortSignal,
): Promise<Blob> {
  signal.throwIfAborted();
  const worker = newWorker("film");
  const iterator = frames[Symbol.asyncIterator]();
  try {
    return await new Promise<Blob>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      const give = async () => {
        const { value, done } = await iterator.next();
        worker.postMessage({ kind: "frame", frame: done ? null : value } satisfies FilmFrame);
      };
      worker.onmessage = ({ data }: MessageEvent<FilmWorkerMessage>) => {
        if (data.kind === "next") give().catch(reject);
        else if (data.kind === "done") resolve(data.file);
        else reject(new Error(data.message));
      };
      worker.onerror = ({ message }) => {
        reject(new Error(`The film could not be made: ${message || "the encoder could not be loaded"}`));
      };
      worker.postMessage(order);
    });
  } finally {
    worker.terminate();
    // A frame may still be in progress; nothing waits for it.
    void iterator.return?.();
  }
}

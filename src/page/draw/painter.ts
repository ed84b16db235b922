/** The main thread's end of the drawing worker, which starts when something is drawn for the first time. */
import type { Place } from "../../train/walk.ts";
import { newWorker } from "../new_worker.ts";
import type { DrawCall, DrawWorkerMessage, Model, OpenCall } from "./protocol.ts";

type Call = Omit<OpenCall, "id"> | Omit<DrawCall, "id">;
type Answer = Exclude<DrawWorkerMessage, { kind: "progress" | "failure" }>;

export class Painter {
  private worker: Worker | null = null;
  private readonly waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();
  private calls = 0;

  /** @param onProgress shaders compiled so far, and in all */
  constructor(private readonly onProgress: (done: number, total: number) => void) {}

  /** Draws from this checkpoint from now on. Rejects with an Error for the user. */
  async open(file: Blob, name: string): Promise<Model> {
    const answer = await this.call({ kind: "open", file, name });
    return (answer as Answer & { kind: "opened" }).model;
  }

  /** @param places at most `atOnce` @returns a picture for each */
  async draw(places: readonly Place[]): Promise<ImageData[]> {
    const { size, pixels } = (await this.call({ kind: "draw", places })) as Answer & { kind: "drawn" };
    return places.map((_, n) => opaque(pixels.subarray(n * size * size * 3, (n + 1) * size * size * 3), size));
  }

  private call(call: Call): Promise<Answer> {
    const id = this.calls++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.start().postMessage({ ...call, id });
    });
  }

  private start(): Worker {
    if (this.worker) return this.worker;
    const worker = newWorker("draw");
    this.worker = worker;
    worker.onmessage = ({ data }: MessageEvent<DrawWorkerMessage>) => {
      if (data.kind === "progress") return this.onProgress(data.done, data.total);
      const call = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (data.kind === "failure") call?.reject(new Error(data.message));
      else call?.resolve(data);
    };
    worker.onerror = ({ message }) => {
      // The next call starts another.
      worker.terminate();
      this.worker = null;
      const error = new Error(`the drawing worker has stopped: ${message || "it could not be loaded"}`);
      for (const call of this.waiting.values()) call.reject(error);
      this.waiting.clear();
    };
    return worker;
  }
}

/** @param rgb [size, size, 3], u8 */
function opaque(rgb: Uint8Array, size: number): ImageData {
  const image = new ImageData(size, size);
  for (let i = 0; i < size * size; i++) {
    image.data.set(rgb.subarray(i * 3, i * 3 + 3), i * 4);
    image.data[i * 4 + 3] = 255;
  }
  return image;
}

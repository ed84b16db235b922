/** The drawing worker: answers the panel's calls one after the other. */
import { openDevice } from "../train/device.ts";
import type { DrawCall, DrawWorkerMessage, OpenCall } from "./protocol.ts";
import { Studio } from "./studio.ts";

/** What a dedicated worker's global scope has and TypeScript's DOM types do not. */
declare function postMessage(message: DrawWorkerMessage, transfer?: Transferable[]): void;

/** Milliseconds per submit, so that training on the same GPU waits no longer than this for its turn. */
const submitBudget = 20;

const studio = new Studio(() => {
  return openDevice((_, done, total) => postMessage({ kind: "progress", done, total }), submitBudget);
});

async function answer(call: OpenCall | DrawCall): Promise<void> {
  const { id } = call;
  try {
    if (call.kind === "open") {
      postMessage({ kind: "opened", id, model: await studio.open(call.file, call.name) });
    } else {
      const pixels = await studio.draw(call.places);
      const size = Math.sqrt(pixels.length / 3 / call.places.length);
      postMessage({ kind: "drawn", id, size, pixels }, [pixels.buffer]);
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    postMessage({ kind: "failure", id, message });
  }
}

let last: Promise<void> = Promise.resolve();

export function receive(call: OpenCall | DrawCall): void {
  last = last.then(() => answer(call));
}

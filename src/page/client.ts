/** The main thread's end of the training worker. */
import { newWorker } from "./new_worker.ts";
import type { CallMessage, CallName, WorkerCalls, WorkerEvent, WorkerMessage } from "./protocol.ts";

type Caller = {
  readonly [Name in CallName]: (...args: Parameters<WorkerCalls[Name]>) => Promise<ReturnType<WorkerCalls[Name]>>;
};

export class Client {
  /** Calls the worker; rejects with an Error for the user. */
  readonly call: Caller;
  private readonly worker = newWorker("train");
  private readonly waiting = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  private calls = 0;

  constructor(onEvent: (event: WorkerEvent) => void, onCrash: (message: string) => void) {
    this.call = new Proxy({} as Caller, {
      get:
        (_, name: CallName) =>
        (...args: unknown[]) =>
          this.send(name, args),
    });
    this.worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
      if (data.type === "event") return onEvent(data.event);
      const call = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (data.type === "answer") call?.resolve(data.value as never);
      else call?.reject(new Error(data.message));
    };
    this.worker.onerror = (event) => onCrash(event.message || "the worker could not be loaded");
  }

  private send(name: CallName, args: unknown[]): Promise<never> {
    const id = this.calls++;
    // A canvas or a set of pictures is transferred instead of copied.
    const handed = args.flatMap((arg) => transferable(arg));
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, name, args } as CallMessage, handed);
    });
  }
}

function transferable(arg: unknown): Transferable[] {
  if (typeof arg !== "object" || arg === null || !("canvas" in arg)) return [];
  return [arg.canvas as OffscreenCanvas];
}

/**
 * Only one tab trains: the one that holds the Web Lock. It sends its events through a channel, so that other tabs can watch,
 * and releases the lock when one of them asks. The lock of a tab that crashes is released by itself.
 */
import type { WorkerEvent } from "../protocol.ts";

type TabMessage =
  /** A new tab asks whether another one is training, and what. */
  | { type: "who trains" }
  | { type: "let go" }
  /** A tab begins to train. */
  | { type: "here" }
  | { type: "event"; event: WorkerEvent };

const name = "catgan trainer";
/** How long a tab that was asked to let go has to finish its step and save, in milliseconds. */
const patience = 20_000;

export class Tabs {
  private readonly channel = new BroadcastChannel(name);
  private release: (() => void) | null = null;
  private watching = false;
  private waiting = false;

  constructor(
    private readonly options: {
      /** An event of the tab that trains, while it is watched. */
      onEvent(event: WorkerEvent): void;
      onTraining(elsewhere: boolean): void;
      /** Another tab wants to train: save, close, then call `letGo`. */
      onAsked(): void;
      /** Another tab trains already, since this one did not let go in time: nothing may be saved any more. */
      onStolen(): void;
      /** Looking for other tabs, or sending them a message, has failed. */
      onError(error: unknown): void;
      /** What a tab that starts to watch has to know. */
      snapshot(): Promise<WorkerEvent[]>;
    },
  ) {
    this.channel.onmessage = ({ data }: MessageEvent<TabMessage>) => this.unattended(this.receive(data));
    // A tab that crashes is noticed when its lock becomes free.
    this.unattended(this.lookAround());
  }

  get training(): boolean {
    return this.release !== null;
  }

  /** Whether another tab trains. */
  async elsewhere(): Promise<boolean> {
    const { held = [] } = await navigator.locks.query();
    return !this.training && held.some((lock) => lock.name === name);
  }

  /** @returns whether this tab may train: no other does */
  async claim(): Promise<boolean> {
    if (this.training) return true;
    return await new Promise((resolve, reject) => {
      navigator.locks
        .request(name, { ifAvailable: true }, (lock) =>
          lock === null ? resolve(false) : this.hold(() => resolve(true)),
        )
        .catch((error) => this.ended(error, reject));
    });
  }

  /** Receives the events of the tab that trains from now on, beginning with a snapshot. */
  watch(): void {
    this.watching = true;
    this.post({ type: "who trains" });
  }

  /** Asks the training tab to let go and takes the lock, after a while by force. */
  async takeOver(): Promise<void> {
    if (this.training) return;
    this.post({ type: "let go" });
    const waiting = new AbortController();
    const timer = setTimeout(() => waiting.abort(), patience);
    await new Promise<void>((resolve, reject) => {
      const take = (options: LockOptions) =>
        navigator.locks.request(name, options, () => {
          clearTimeout(timer);
          return this.hold(resolve);
        });
      take({ signal: waiting.signal })
        .catch((error) => (waiting.signal.aborted && !this.training ? take({ steal: true }) : Promise.reject(error)))
        .catch((error) => this.ended(error, reject));
    });
  }

  letGo(): void {
    if (!this.training) return;
    this.release!();
    this.release = null;
  }

  /** Sends an event to the tabs that watch. */
  share(event: WorkerEvent): void {
    if (this.training) this.post({ type: "event", event });
  }

  private hold(onHeld: () => void): Promise<void> {
    return new Promise((release) => {
      this.release = release;
      this.watching = false;
      this.post({ type: "here" });
      onHeld();
    });
  }

  /** A request was refused, or a lock that was held was taken away. */
  private ended(error: unknown, reject: (error: unknown) => void): void {
    if (!this.training) {
      reject(error);
      return;
    }
    this.release = null;
    this.options.onStolen();
  }

  private async lookAround(): Promise<void> {
    if (await this.elsewhere()) await this.waitUntilFree();
  }

  private async waitUntilFree(): Promise<void> {
    this.options.onTraining(true);
    if (this.waiting) return;
    this.waiting = true;
    // Granted together with other watchers, and only once nobody trains.
    await navigator.locks.request(name, { mode: "shared" }, () => {});
    this.waiting = false;
    if (!this.training) this.options.onTraining(false);
  }

  private async receive(message: TabMessage): Promise<void> {
    switch (message.type) {
      case "who trains":
        if (this.training) for (const event of await this.options.snapshot()) this.share(event);
        break;
      case "let go":
        if (this.training) this.options.onAsked();
        break;
      case "here":
        if (!this.training) this.unattended(this.waitUntilFree());
        break;
      case "event":
        if (!this.watching) break;
        this.options.onEvent(message.event);
        break;
    }
  }

  private unattended(work: Promise<void>): void {
    work.catch((error) => this.options.onError(error));
  }

  private post(message: TabMessage): void {
    this.channel.postMessage(message);
  }
}

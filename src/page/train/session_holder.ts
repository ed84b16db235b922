/** The worker's open run, at most one, with what goes with it: the lock of the run, and this tab's turn to train. */
import type { WorkerEvent } from "../protocol.ts";
import { RunLock } from "./run_lock.ts";
import type { Session } from "./session.ts";
import type { Tabs } from "./tabs.ts";

export interface SessionHolderOptions {
  tabs(): Tabs;
  post(event: WorkerEvent): void;
  /** Called before a run is opened: the GPU is wanted. */
  endMeasuring(): Promise<void>;
  /** The list of runs has changed. */
  postRuns(): Promise<void>;
}

export class SessionHolder {
  private session: Session | null = null;
  private readonly lock = new RunLock();

  constructor(private readonly options: SessionHolderOptions) {}

  get current(): Session | null {
    return this.session;
  }

  /** @throws Error when no run is open */
  get open(): Session {
    if (this.session === null) throw new Error("no run is open");
    return this.session;
  }

  /**
   * Closes the run that was open, and opens another.
   * @throws Error for the user: what `make` throws, or another tab trains
   */
  async begin(make: () => Promise<Session>): Promise<Session> {
    const { tabs, post, endMeasuring, postRuns } = this.options;
    await endMeasuring();
    await this.claim();
    await this.session?.close();
    this.forget();
    post({ type: "phase", phase: "preparing" });
    try {
      this.session = await make();
      await this.lock.take(this.session.id);
    } catch (error) {
      await this.session?.discard();
      this.session = null;
      post({ type: "closed" });
      post({ type: "phase", phase: "idle" });
      tabs().letGo();
      throw error;
    }
    await postRuns();
    return this.session;
  }

  /** Saves and closes the run. @throws Error when it cannot be saved: it stays open */
  async close(): Promise<void> {
    if (this.session === null) return this.options.tabs().letGo();
    await this.session.close();
    await this.closed();
  }

  /** Closes the run without saving. */
  async abandon(): Promise<void> {
    await this.open.discard();
    await this.closed();
  }

  /** Another tab has taken over by force: nothing may be saved any more. */
  async stolen(): Promise<void> {
    const { post } = this.options;
    const stolen = this.session;
    this.forget();
    post({ type: "closed" });
    post({ type: "phase", phase: "idle" });
    post({ type: "elsewhere", training: true });
    await stolen?.discard();
  }

  private async closed(): Promise<void> {
    const { tabs, post, postRuns } = this.options;
    this.forget();
    post({ type: "closed" });
    post({ type: "phase", phase: "idle" });
    tabs().letGo();
    await postRuns();
  }

  private forget(): void {
    this.session = null;
    this.lock.letGo();
  }

  /** Becomes the tab that trains. @throws Error when another is */
  private async claim(): Promise<void> {
    if (await this.options.tabs().claim()) return;
    this.options.post({ type: "elsewhere", training: true });
    throw new Error("another tab of this page trains: stop it there, or take over");
  }
}

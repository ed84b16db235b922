/**
 * What a run writes in addition to its checkpoints: grids and rows of its tables. No failure here ends a run. What
 * cannot be written is reported once, kept in memory, and tried again whenever something else is written.
 */
import { UserError } from "./user_error.ts";

/** Beyond this many bytes in memory, grids that wait for room on the disk are dropped, oldest first. */
const maxWaitingBytes = 2 ** 28;

interface Job {
  path: string;
  bytes: number;
  work(): Promise<void>;
}

export class SideFiles {
  private waiting: Job[] = [];
  /** Paths whose failure has been reported. */
  private readonly failing = new Set<string>();
  private dropped = 0;
  private flushing: Promise<void> = Promise.resolve();

  /** @param report shows the user a one-line message */
  constructor(readonly report: (message: string) => void) {}

  /**
   * Does something now or, if the disk does not allow it, later. Jobs for one path keep their order.
   * @param bytes how much memory the job takes while it waits
   */
  async write(path: string, work: () => Promise<void>, bytes = 0): Promise<void> {
    this.waiting.push({ path, bytes, work });
    await this.flush();
    let kept = this.waiting.reduce((sum, job) => sum + job.bytes, 0);
    while (kept > maxWaitingBytes) {
      const job = this.waiting.find(({ bytes }) => bytes > 0)!;
      this.waiting.splice(this.waiting.indexOf(job), 1);
      this.dropped++;
      kept -= job.bytes;
    }
  }

  /** Does something optional: a failure is only reported, once for each path. */
  async attempt(path: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.failing.delete(path);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.tell(path, `${error.message}. Training continues`);
    }
  }

  /** Reports a failure once, until the path has been written again. */
  private tell(path: string, message: string): void {
    if (this.failing.has(path)) return;
    this.failing.add(path);
    this.report(message);
  }

  /** Makes a last attempt, when nothing more will be written. */
  async finish(): Promise<void> {
    await this.flush();
    const paths = new Set(this.waiting.map(({ path }) => path));
    const missing = [...paths].map((path) => `${path} could not be written`);
    if (this.dropped > 0) missing.push(`${this.dropped} grids could not be written`);
    for (const line of missing) this.report(line);
  }

  private flush(): Promise<void> {
    this.flushing = this.flushing.then(() => this.writeWaiting());
    return this.flushing;
  }

  private async writeWaiting(): Promise<void> {
    const blocked = new Set<string>();
    const jobs = this.waiting;
    this.waiting = [];
    for (const [i, job] of jobs.entries()) {
      const { path } = job;
      if (blocked.has(path)) {
        this.waiting.push(job);
        continue;
      }
      try {
        await job.work();
        if (this.failing.delete(path)) this.report(`${path} has now been written`);
      } catch (error) {
        if (!(error instanceof UserError)) {
          this.waiting.push(...jobs.slice(i + 1));
          throw error;
        }
        blocked.add(path);
        this.waiting.push(job);
        this.tell(path, `${error.message}. Training continues, and this will be tried again`);
      }
    }
  }
}

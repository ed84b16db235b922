/**
 * One process trains a run. It holds `run.lock` in the run's folder, which says which process it is, and renews the
 * file's time every ten seconds.
 *
 * A process that was killed leaves its lock behind. On the machine (and in the container) where the lock was taken, the
 * system says whether that very process is still alive. Its ID alone is not enough, because IDs are reused, so its
 * start time is compared as well. Seen from elsewhere, a lock expires when it has not been renewed for a minute.
 */
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { open, readFile, readlink, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { explained, nullIfMissing, readIfThere, temporaryPath, writeFileAtomically } from "./files.ts";
import { UserError } from "./user_error.ts";

export const lockName = "run.lock";
const renewEvery = 10_000;
const staleAfter = 60_000;

/** Who holds a lock. */
interface Holder {
  token: string;
  pid: number;
  host: string;
  /** Where `pid` is valid: this boot of the machine, and the container. Null where the system does not say. */
  system: string | null;
  /** When the process started, in the system's own terms; null where it does not say. */
  started: string | null;
  /** When the lock was taken, ISO 8601. */
  since: string;
}

/** A lock as it was read. */
interface Found {
  text: string;
  /** Null when the lock does not say who holds it yet, having just been made. */
  holder: Holder | null;
  /** Milliseconds since it was renewed. */
  age: number;
}

export class RunLock {
  private readonly timer: NodeJS.Timeout;
  /** Another process has been seen holding the lock. */
  private lost = false;

  private constructor(
    private readonly path: string,
    private readonly me: Holder,
    /** Describes the dead process whose lock was taken over; null when the run was not locked. */
    readonly tookOverFrom: string | null,
  ) {
    // An error shows up when the lock is checked before a save.
    this.timer = setInterval(() => void this.renew().catch(() => {}), renewEvery);
    this.timer.unref();
  }

  /** @throws UserError when another process holds the lock, naming it, or when the folder cannot be written */
  static async acquire(dir: string): Promise<RunLock> {
    const path = join(dir, lockName);
    return await explained(`cannot lock the run ${dir}`, async () => {
      const me = await describeThisProcess();
      const dead = await take(path, me, (holder) => heldBy(dir, holder, me));
      return new RunLock(path, me, dead && (dead.holder ? named(dead.holder, me) : "a process that did not get far"));
    });
  }

  /**
   * Call before a save. A lock that somebody deleted is taken again.
   * @throws UserError when another process holds the lock: this one must write nothing more
   */
  async check(): Promise<void> {
    await explained(`cannot check ${this.path}`, async () => {
      const found = await readLock(this.path);
      if (found?.holder?.token === this.me.token) return;
      if (found === null && (await create(this.path, JSON.stringify(this.me)))) return;
      this.lost = true;
      this.checkKept();
    });
  }

  /** As `check`, but by what the last renewal saw: a process that was paused for long notices before it writes. */
  checkKept(): void {
    if (!this.lost) return;
    throw new UserError(`${this.path}: another process has taken over this run, so this one writes nothing more`);
  }

  private async renew(): Promise<void> {
    const found = await readLock(this.path);
    if (found?.holder && found.holder.token !== this.me.token) this.lost = true;
    else {
      const now = new Date();
      await utimes(this.path, now, now);
    }
  }

  /** A lock that cannot be removed will be recognised as a dead process's. */
  async release(): Promise<void> {
    clearInterval(this.timer);
    const found = await readLock(this.path).catch(() => null);
    if (found?.holder?.token === this.me.token) await rm(this.path, { force: true }).catch(() => {});
  }
}

/**
 * Takes a lock that is free or whose holder is dead.
 *
 * Several processes may find the holder dead, but only one may take over. Deleting the dead lock is not safe: a slow
 * process could delete the new holder's lock instead. So they compete for a second lock, whose file is named after the
 * content of the first. The winner reads the first lock again and, if it is unchanged, replaces it in one step; it is
 * never missing. A process that gets the second lock later finds that the first has changed.
 * @param refusal says that a living process holds the lock
 * @returns the dead process's lock; null when the lock was free
 * @throws UserError when a living process holds the lock
 */
async function take(path: string, me: Holder, refusal: (holder: Holder | null) => string): Promise<Found | null> {
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await create(path, JSON.stringify(me))) return null;
    const found = await readLock(path);
    if (found === null) continue;
    if (await mayBeAlive(found, me)) throw new UserError(refusal(found.holder));
    const succession = successionPath(path, found.text);
    await take(succession, me, () => takenOverNow(path));
    try {
      const again = await readLock(path);
      if (again?.text !== found.text || (await mayBeAlive(again, me))) continue;
      await writeFileAtomically(path, JSON.stringify(me));
      return found;
    } finally {
      await rm(succession, { force: true }).catch(() => {});
    }
  }
  throw new UserError(takenOverNow(path));
}

/** A temporary file's name: one that a killed process leaves behind is ignored. */
function successionPath(path: string, text: string): string {
  return temporaryPath(path, createHash("sha256").update(text).digest("hex").slice(0, 16));
}

function takenOverNow(path: string): string {
  return `${path}: another process is taking the run over right now: try again in a minute`;
}

/** @returns whether it was made; false when there already is one */
async function create(path: string, text: string): Promise<boolean> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, "wx");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
  try {
    await file.writeFile(text);
    await file.close();
    return true;
  } catch (error) {
    await file.close().catch(() => {});
    await rm(path, { force: true }).catch(() => {});
    throw error;
  }
}

/** @returns null when there is none */
async function readLock(path: string): Promise<Found | null> {
  const bytes = await readIfThere(path);
  if (bytes === null) return null;
  const text = new TextDecoder().decode(bytes);
  let holder: Holder | null = null;
  try {
    const value = JSON.parse(text);
    if (typeof value?.token === "string" && Number.isInteger(value.pid)) holder = value;
  } catch {}
  const found = await nullIfMissing(stat(path));
  return found && { text, holder, age: Date.now() - found.mtimeMs };
}

async function mayBeAlive({ holder, age }: Found, me: Holder): Promise<boolean> {
  // Where the IDs are comparable, the system knows, however long ago the lock was renewed: a process may be paused.
  if (holder && holder.host === me.host && holder.system === me.system) {
    const started = await startOf(holder.pid);
    if (started === undefined) return false;
    if (started !== null && holder.started !== null) return started === holder.started;
  }
  return age < staleAfter;
}

function heldBy(dir: string, holder: Holder | null, me: Holder): string {
  if (holder === null) return `${dir}: another process is locking this run right now: try again in a minute`;
  const local = holder.host === me.host && holder.system === me.system;
  const advice = local
    ? "stop it first, or wait until it ends"
    : "stop it first; if it is gone, its lock expires a minute after its last sign of life";
  return `${dir} is being trained by ${named(holder, me)}: ${advice}`;
}

function named({ pid, host, since }: Holder, me: Holder): string {
  const where = host === me.host ? "" : ` on ${host}`;
  return `process ${pid}${where}, which locked the run at ${since.slice(0, 16).replace("T", " ")} UTC`;
}

async function describeThisProcess(): Promise<Holder> {
  return {
    token: randomUUID(),
    pid: process.pid,
    host: hostname(),
    system: await systemName(),
    started: (await startOf(process.pid)) ?? null,
    since: new Date().toISOString(),
  };
}

async function systemName(): Promise<string | null> {
  if (process.platform !== "linux") return null;
  try {
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
    return `${boot.trim()} ${await readlink("/proc/self/ns/pid")}`;
  } catch {
    return null;
  }
}

/** When a process started; undefined when there is no such process, null when the system does not say. */
async function startOf(pid: number): Promise<string | null | undefined> {
  if (process.platform === "linux") {
    let stat: string;
    try {
      stat = await readFile(`/proc/${pid}/stat`, "utf8");
    } catch (error) {
      return /^(ENOENT|ESRCH)$/.test((error as NodeJS.ErrnoException).code ?? "") ? undefined : null;
    }
    // The command's name, in brackets, may contain anything; the fields after it are numbers. The 22nd is the start.
    const fields = stat.split(")").at(-1)!.trim().split(" ");
    // A zombie has ended; its parent just has not collected its exit status.
    return fields[0] === "Z" ? undefined : fields[19];
  }
  if (process.platform === "win32") return isThere(pid) ? null : undefined;
  try {
    const { stdout } = await promisify(execFile)("ps", ["-o", "lstart=", "-p", String(pid)]);
    return stdout.trim() || undefined;
  } catch {
    return isThere(pid) ? null : undefined;
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

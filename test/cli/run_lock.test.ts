import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RunLock } from "../../src/cli/run_lock.ts";
import { UserError } from "../../src/cli/user_error.ts";

let dir: string;
let path: string;
const locks: RunLock[] = [];
const children: ChildProcess[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "catgan-lock-"));
  path = join(dir, "run.lock");
});

afterEach(async () => {
  for (const lock of locks.splice(0)) await lock.release();
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
});

async function acquire(): Promise<RunLock> {
  const lock = await RunLock.acquire(dir);
  locks.push(lock);
  return lock;
}

const held = () => JSON.parse(readFileSync(path, "utf8"));
/** Another's lock, as this process's but for what is given. */
async function leave(changes: object, secondsOld = 0): Promise<void> {
  const lock = await RunLock.acquire(dir);
  const text = JSON.stringify({ ...held(), token: "another's", ...changes });
  await lock.release();
  writeFileSync(path, text);
  const then = Date.now() / 1000 - secondsOld;
  utimesSync(path, then, then);
}

/** The second lock, of a process that is taking over from who holds the first. */
function leaveSuccessor(changes: object): void {
  const name = createHash("sha256").update(readFileSync(path)).digest("hex").slice(0, 16);
  writeFileSync(`${path}.catgan-${name}.tmp`, JSON.stringify({ ...held(), ...changes }));
}

test("says which process holds it, and disappears with it", async () => {
  const lock = await acquire();
  expect(lock.tookOverFrom).toBeNull();
  expect(held()).toMatchObject({ pid: process.pid, host: hostname() });
  const second = RunLock.acquire(dir);
  await expect(second).rejects.toThrow(
    new RegExp(
      `^${dir} is being trained by process ${process.pid}, which locked the run at .* UTC: stop it first, or wait until`,
    ),
  );
  await expect(second).rejects.toThrow(UserError);
  await lock.check();
  await lock.release();
  expect(existsSync(path)).toBe(false);
  await acquire();
});

test.each([
  ["is dead", 2 ** 30, 0],
  ["has not renewed it for a minute", 1, 61],
])("of twenty that want it at once after a holder that %s, one gets it and keeps it", async (_, pid, secondsOld) => {
  for (let round = 0; round < 50; round++) {
    await leave({ pid, started: pid === 1 ? null : "1", host: pid === 1 ? "other" : hostname() }, secondsOld);
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => acquire()));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await locks[0]!.check();
    expect(readdirSync(dir)).toEqual(["run.lock"]);
    await locks.pop()!.release();
  }
});

test("a process dies while taking over: the next takes over from both", async () => {
  await leave({ pid: 2 ** 30 });
  leaveSuccessor({ pid: 2 ** 30 + 1 });
  expect((await acquire()).tookOverFrom).toContain(`process ${2 ** 30},`);
  expect(readdirSync(dir)).toEqual(["run.lock"]);
});

test("a live process is taking over: it is left alone", async () => {
  await leave({ pid: 2 ** 30 });
  const dead = readFileSync(path, "utf8");
  leaveSuccessor({ pid: process.pid });
  await expect(acquire()).rejects.toThrow(/another process is taking the run over right now: try again in a minute$/);
  expect(readFileSync(path, "utf8")).toBe(dead);
});

test("a process that is gone: its lock is taken over, and it is named", async () => {
  const child = spawn(process.execPath, ["-e", ""]);
  await new Promise((resolve) => child.on("exit", resolve));
  await leave({ pid: child.pid, since: "2031-02-03T04:05:06.000Z" });
  const { tookOverFrom } = await acquire();
  expect(tookOverFrom).toBe(`process ${child.pid}, which locked the run at 2031-02-03 04:05 UTC`);
});

test.runIf(process.platform === "linux")("a number that is used again is not the process that was", async () => {
  const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"]);
  children.push(child);
  await leave({ pid: child.pid, started: "12345" });
  expect((await acquire()).tookOverFrom).toContain(`process ${child.pid},`);
});

test.runIf(process.platform === "linux")(
  "a living process keeps its lock, however long ago it was renewed",
  async () => {
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"]);
    children.push(child);
    const started = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(")").at(-1)!.trim().split(" ")[19];
    await leave({ pid: child.pid, started }, 3600);
    child.kill("SIGSTOP");
    await expect(acquire()).rejects.toThrow(`is being trained by process ${child.pid}`);
  },
);

test("another machine's or container's lock: held as long as it is renewed, then taken over", async () => {
  // This process's own number, alive here, says nothing of that system.
  for (const elsewhere of [{ host: "other" }, { system: "another start, or another container" }]) {
    await leave(elsewhere, 30);
    await expect(acquire()).rejects.toThrow(/its lock expires a minute after its last sign of life$/);
    rmSync(path);
    await leave(elsewhere, 61);
    expect((await acquire()).tookOverFrom).toContain(`process ${process.pid}`);
    await locks.pop()!.release();
  }
});

test("a lock that says nothing yet: held, for a minute at most", async () => {
  for (const text of ["", "{}", "[", '{"token":1}']) {
    writeFileSync(path, text);
    await expect(acquire()).rejects.toThrow(/another process is locking this run right now: try again in a minute$/);
    const old = Date.now() / 1000 - 61;
    utimesSync(path, old, old);
    expect((await acquire()).tookOverFrom).toBe("a process that did not get far");
    await locks.pop()!.release();
  }
});

test("a process that has lost it writes nothing more; one that finds it deleted takes it again", async () => {
  const lock = await acquire();
  rmSync(path);
  await lock.check();
  expect(held().pid).toBe(process.pid);
  writeFileSync(path, JSON.stringify({ ...held(), token: "another's" }));
  lock.checkKept();
  await expect(lock.check()).rejects.toThrow(
    /another process has taken over this run, so this one writes nothing more$/,
  );
  expect(() => lock.checkKept()).toThrow(UserError);
  // And does not remove the other's.
  await lock.release();
  expect(held().token).toBe("another's");
});

test("a folder that cannot be written: an error in one line", async () => {
  await expect(RunLock.acquire(join(dir, "nowhere"))).rejects.toThrow(
    /^cannot lock the run .*nowhere: no such file or folder$/,
  );
});

import type * as Fs from "node:fs";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import type * as FsPromises from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { withSource } from "../../src/cli/photographs.ts";
import { encodePng } from "../../src/cli/png.ts";
import { checkPreparedFolder, PreparedFolder } from "../../src/cli/prepared_folder.ts";
import { run, temporaryFolder, writePictures } from "./program.ts";

/** What becomes of the file system's calls. */
const fault = vi.hoisted(() => ({
  /** Calls so far. */
  calls: 0,
  /** The call that meets the fault. */
  at: Number.POSITIVE_INFINITY,
  /** The error it fails with; null: the process is killed there, so no later call does anything. */
  error: null as Error | null,
  onKill: () => {},
  /** Closes what the process has open, as the system does when it is killed. */
  closing: [] as (() => Promise<void>)[],
  /** @returns whether the process lives */
  call(): boolean {
    const now = this.calls++;
    if (this.error === null && now >= this.at) {
      this.onKill();
      return false;
    }
    if (now === this.at) throw this.error;
    return true;
  },
}));

vi.mock("node:fs", async (original) => {
  const fs = await original<typeof Fs>();
  const sync = <Words extends unknown[], Result>(call: (...words: Words) => Result) => {
    return (...words: Words): Result => {
      if (!fault.call()) throw new Error("killed");
      return call(...words);
    };
  };
  const { openSync, writeSync, fsyncSync, closeSync } = fs;
  return {
    ...fs,
    openSync: sync(openSync),
    writeSync: sync(writeSync as (...words: unknown[]) => number),
    fsyncSync: sync(fsyncSync),
    closeSync: sync(closeSync),
  };
});

vi.mock("node:fs/promises", async (original) => {
  const fs = await original<typeof FsPromises>();
  const later = <Words extends unknown[], Result>(call: (...words: Words) => Promise<Result>) => {
    return async (...words: Words): Promise<Result> => {
      if (!fault.call()) await new Promise(() => {});
      return await call(...words);
    };
  };
  const open = later(async (path: string, flags: string) => {
    const file = await fs.open(path, flags);
    fault.closing.push(file.close.bind(file));
    return Object.assign(file, {
      writeFile: later(file.writeFile.bind(file)),
      sync: later(file.sync.bind(file)),
      close: later(file.close.bind(file)),
    });
  });
  const names = [
    "lstat",
    "stat",
    "readdir",
    "readFile",
    "realpath",
    "rename",
    "rm",
    "rmdir",
    "unlink",
    "mkdir",
  ] as const;
  const calls = names.map((name) => [name, later(fs[name] as (...words: unknown[]) => Promise<unknown>)]);
  return { ...fs, open, ...Object.fromEntries(calls) };
});

const root = temporaryFolder();
const source = join(root, "photos");
writePictures(source, 1);
const png = encodePng({ width: 1, height: 1, rgba: new Uint8Array(4) });
const names = ["contact-sheet.png", "duplicates.txt", "pictures.zip", "prepare.json"];

/** `catgan prepare` as far as its files go; each result has its own number. */
async function prepare(out: string, number: number): Promise<void> {
  await checkPreparedFolder(out, source);
  const folder = await PreparedFolder.create(out);
  try {
    folder.addPicture(`${number}.png`, png);
    folder.finishPictures();
    const report = JSON.stringify({ catgan: "1", pictures: { count: 1 }, number });
    await folder.finish({ report, duplicates: `${number}`, contactSheet: png });
  } finally {
    await folder.discard();
  }
}

/** The number of the result that is at `out`; everything in it must be of that one. */
function resultAt(out: string): number {
  expect(readdirSync(out).sort()).toEqual(names);
  const { number } = JSON.parse(readFileSync(join(out, "prepare.json"), "utf8"));
  expect(readFileSync(join(out, "duplicates.txt"), "utf8")).toBe(`${number}`);
  expect(readFileSync(join(out, "pictures.zip"), "latin1")).toContain(`${number}.png`);
  return number;
}

/** Runs `work` with a fault at a call. @returns whether it came so far, and what it threw */
async function withFault(at: number, error: Error | null, work: () => Promise<void>) {
  const killed = new Promise<void>((resolve) => {
    fault.onKill = resolve;
  });
  Object.assign(fault, { calls: 0, at, error });
  let thrown: Error | null = null;
  const done = work().catch((error: Error) => {
    thrown = error;
  });
  await Promise.race([done, killed]);
  const reached = fault.calls > at;
  if (error === null) for (const close of fault.closing.splice(0)) await close().catch(() => {});
  Object.assign(fault, { calls: 0, at: Number.POSITIVE_INFINITY, error: null });
  return { reached, thrown: thrown as Error | null };
}

/** The pictures' names, as `train --data OUT` reads them. */
async function namesRead(path: string): Promise<string[]> {
  return await withSource(path, async ({ candidates }) => candidates.map(({ name }) => name));
}

test.each(["prepare", "a reader", "a reader of its zip"])(
  "killed at any call, the earlier or the new result is whole for %s",
  async (next) => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const seen = new Set<number>();
    let at = 0;
    for (let reached = true; reached; at++) {
      const folder = join(root, `${next}-${at}`);
      const out = join(folder, "out");
      await prepare(out, 1);
      ({ reached } = await withFault(at, null, () => prepare(out, 2)));
      let result: number;
      if (next === "prepare") {
        await checkPreparedFolder(out, source);
        result = resultAt(out);
        await prepare(out, 3);
        expect(resultAt(out)).toBe(3);
      } else {
        const [name] = await namesRead(next === "a reader" ? out : join(out, "pictures.zip"));
        result = resultAt(out);
        expect(name).toBe(`${result}.png`);
      }
      seen.add(result);
      expect(existsSync(`${out}.catgan-earlier`)).toBe(false);
    }
    expect([...seen].sort()).toEqual([1, 2]);
    expect(at).toBeGreaterThan(40);
    vi.restoreAllMocks();
  },
);

test.each(["ENOSPC", "EIO", "EACCES", "EROFS"])(
  "%s at any call: one line, nothing lost, nothing left",
  async (code) => {
    const error = Object.assign(new Error(`${code}: failed`), { code });
    let at = 0;
    for (let reached = true; reached; at++) {
      const folder = join(root, `${code}-${at}`);
      const out = join(folder, "out");
      await prepare(out, 1);
      const first = await withFault(at, error, () => prepare(out, 2));
      reached = first.reached;
      expect(resultAt(out), `call ${at}`).toBe(first.thrown ? 1 : 2);
      if (first.thrown) expect(first.thrown.message, `call ${at}`).not.toContain("\n");
      await prepare(out, 3);
      expect(resultAt(out)).toBe(3);
      // A folder that could not be deleted at that call stays for an hour.
      const left = readdirSync(folder).filter((name) => name !== "out");
      expect(left.length, `call ${at}: ${left}`).toBeLessThanOrEqual(1);
    }
  },
);

test("a new place with new parents: after a failure nothing is left", async () => {
  const error = Object.assign(new Error("full"), { code: "ENOSPC" });
  let at = 0;
  for (let reached = true; reached; at++) {
    const folder = join(root, `new-${at}`);
    mkdirSync(folder);
    const result = await withFault(at, error, () => prepare(join(folder, "a", "b", "out"), 1));
    reached = result.reached;
    if (result.thrown && !/rm|close/.test(result.thrown.message)) {
      const left = readdirSync(folder, { recursive: true }) as string[];
      expect(
        left.filter((name) => /out$/.test(name)),
        `call ${at}`,
      ).toEqual([]);
    }
  }
});

test("folders of others keep their names, their files and their links", async () => {
  const folder = join(root, "others");
  const out = join(folder, "out");
  await prepare(out, 1);
  const old = new Date(Date.now() - 7200_000);
  const beside = (suffix: string, files: Record<string, string>) => {
    const path = `${out}${suffix}`;
    mkdirSync(path);
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(path, name), text);
      utimesSync(join(path, name), old, old);
    }
    utimesSync(path, old, old);
    return path;
  };
  const zip = { "pictures.zip": "half" };
  const stale = beside(".catgan-0123456789abcdef.tmp", { ...zip, "prepare.json.catgan-0123456789abcdef.tmp": "{" });
  const kept = [
    beside(".catgan-1111111111111111.tmp", { ...zip, "diary.txt": "mine" }),
    beside(".catgan-backup.tmp", zip),
    beside(".77.tmp", zip),
  ];
  const target = beside(".target", zip);
  symlinkSync(target, `${out}.catgan-2222222222222222.tmp`);
  const fresh = beside(".catgan-3333333333333333.tmp", zip);
  utimesSync(join(fresh, "pictures.zip"), new Date(), new Date());
  await prepare(out, 2);
  expect(existsSync(stale)).toBe(false);
  for (const path of [...kept, target, fresh]) expect(readFileSync(join(path, "pictures.zip"), "utf8")).toBe("half");
  expect(readFileSync(join(kept[0], "diary.txt"), "utf8")).toBe("mine");
  expect(lstatSync(`${out}.catgan-2222222222222222.tmp`).isSymbolicLink()).toBe(true);

  // What lies at the sibling's name and is not of prepare stays, whether there is an OUT or not.
  const earlier = beside(".catgan-earlier", { "prepare.json": "{}", "pictures.zip": "mine" });
  await expect(prepare(out, 3)).rejects.toThrow(/catgan-earlier is in the way: rename it, or choose another folder/);
  expect(resultAt(out)).toBe(2);
  renameSync(out, `${out}.moved`);
  await prepare(out, 3);
  expect([resultAt(out), readFileSync(join(earlier, "pictures.zip"), "utf8")]).toEqual([3, "mine"]);
});

test("a link, a run's folder, and what overlaps the source are refused", async () => {
  const folder = join(root, "refused");
  await prepare(join(folder, "out"), 1);
  symlinkSync(join(folder, "out"), join(folder, "link"));
  for (const name of ["samples", "checkpoints"]) mkdirSync(join(folder, "run", name), { recursive: true });
  const refusals: [out: string, source: string, message: RegExp][] = [
    ["link", source, /link is a symbolic link: give the folder that it points to/],
    ["run/samples/out", source, /only training writes to \S+samples; choose another folder/],
    ["run/checkpoints", source, /only training writes to \S+checkpoints; choose another folder/],
    ["out", join(folder, "out.catgan-earlier"), /lies in/],
  ];
  for (const [out, from, message] of refusals) {
    await expect(checkPreparedFolder(join(folder, out), from), out).rejects.toThrow(message);
  }
  expect(resultAt(join(folder, "out"))).toBe(1);
});

test("train --data OUT restores what an interrupted prepare left, and says so", async () => {
  const out = join(root, "restored");
  expect((await run("prepare", source, out, "--size", "16")).code).toBe(0);
  renameSync(out, `${out}.catgan-earlier`);
  const { code, stderr } = await run(
    "train",
    "--data",
    out,
    "--size",
    "16",
    "--batch",
    "1",
    "--dry-run",
    "--preset",
    "tiny",
  );
  expect(stderr).toBe(
    `catgan: warning: ${out}: an earlier catgan prepare was interrupted; restored the previous result\n`,
  );
  expect([code, existsSync(`${out}.catgan-earlier`)]).toEqual([0, false]);
});

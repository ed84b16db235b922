/** A folder on a failing disk: each call fails once. What is not read is named, or the command ends with a message. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { readPhotographs } from "../../src/cli/photographs.ts";
import { UserError } from "../../src/cli/user_error.ts";
import { failure } from "./faulty_disk.ts";
import { pngOf } from "./hostile.ts";

type Sync = (...args: unknown[]) => unknown;
type Fault = (call: string, target: unknown) => { error: Error } | { result: unknown } | null;

const faults = vi.hoisted(() => ({
  /** Only paths in here are watched, and the files that were opened there. */
  root: null as string | null,
  files: new Set<unknown>(),
  /** May fail in the place of a call, or answer it. */
  before: null as Fault | null,
}));

function answer(call: string, target: unknown): ReturnType<Fault> {
  const watched = faults.root !== null && (faults.files.has(target) || String(target).startsWith(faults.root));
  return watched ? (faults.before?.(call, target) ?? null) : null;
}

vi.mock("node:fs", async (original) => {
  const real = await original<typeof import("node:fs")>();
  const wrapped: Record<string, unknown> = { ...real };
  for (const name of ["openSync", "fstatSync", "readSync", "closeSync", "statSync"] as const) {
    wrapped[name] = (...args: unknown[]) => {
      const instead = answer(name, args[0]);
      const call = () => (real[name] as Sync)(...args);
      // The file is closed, whatever close reports.
      if (name === "closeSync" && faults.files.delete(args[0])) call();
      else if (!instead) {
        const result = call();
        if (name === "openSync" && String(args[0]).startsWith(faults.root ?? "\0")) faults.files.add(result);
        return result;
      }
      if (instead && "error" in instead) throw instead.error;
      return instead?.result;
    };
  }
  return wrapped;
});

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const wrapped: Record<string, unknown> = { ...real };
  for (const name of ["readdir", "realpath", "stat", "lstat"] as const) {
    wrapped[name] = async (...args: unknown[]) => {
      const instead = answer(name, args[0]);
      if (instead && "error" in instead) throw instead.error;
      return await (real[name] as Sync)(...args);
    };
  }
  return wrapped;
});

const top = mkdtempSync(join(tmpdir(), "catgan-folder-faults-"));
const source = join(top, "photos");
const names = ["1.png", "2", "a/3.png", "a/b/4.dat", "a/b/link.png", "caf\ufffde9/5.png", "out/6.png"];
const options = { size: 16, fit: "crop" } as const;

beforeAll(() => {
  const grey = pngOf(16, 16, () => [1, 1, 1]);
  const cafe = Buffer.concat([Buffer.from(`${source}/caf`), Buffer.from([0xe9])]);
  for (const path of [source, join(source, "a"), join(source, "a", "b"), join(top, "outside")]) mkdirSync(path);
  for (const name of ["1.png", "2", "a/3.png", "a/b/4.dat", "../outside/6.png"])
    writeFileSync(join(source, name), grey);
  symlinkSync("../3.png", join(source, "a/b/link.png"));
  symlinkSync("../outside", join(source, "out"));
  try {
    mkdirSync(cafe);
    writeFileSync(Buffer.concat([cafe, Buffer.from("/5.png")]), grey);
  } catch {
    // Some file systems have names in UTF-8 only.
    names.splice(5, 1);
  }
});
afterAll(() => rmSync(top, { recursive: true, force: true }));

async function read(before: Fault) {
  Object.assign(faults, { root: top, before });
  faults.files.clear();
  try {
    return await readPhotographs(source, options);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).toMatch(/^[^\p{Cc}]+$/u);
    return null;
  } finally {
    expect(faults.files.size, "files left open").toBe(0);
    faults.root = null;
  }
}

async function calls(): Promise<[string, string][]> {
  const seen: [string, string][] = [];
  const found = await read((call, target) => {
    seen.push([call, String(target)]);
    return null;
  });
  expect(found).toMatchObject({ names, skipped: [] });
  return seen;
}

test.each(["EACCES", "EIO", "ENOENT", "EMFILE"])(
  "each call fails once with %s: no picture is lost without a word",
  async (code) => {
    const total = (await calls()).length;
    expect(total).toBeGreaterThan(50);
    let [ended, named, whole] = [0, 0, 0];
    for (let nth = 0; nth < total; nth++) {
      let [count, what] = [0, ""];
      const found = await read((call, target) => {
        if (count++ !== nth) return null;
        what = `${call} of ${target}`;
        return { error: Object.assign(failure(code), { syscall: call.replace("Sync", "") }) };
      });
      if (found === null) ended++;
      else if (found.skipped.length === 0) whole++;
      else named++;
      if (found === null) continue;
      const missing = names.filter((name) => !found.names.includes(name));
      const isNamed = (name: string) =>
        // A link to a folder is not known to be one.
        found.skipped.some((lost) => lost.name === name || name.startsWith(`${lost.name.replace(/\/$/, "")}/`));
      for (const name of missing) expect(isNamed(name), `${name} after ${what}`).toBe(true);
      expect(found.skipped.length, what).toBe(missing.length === 0 ? 0 : 1);
      expect(found.pictures.count).toBe(found.names.length);
    }
    expect([named > 20, whole > 0, ended > 0]).toEqual([true, true, true]);
  },
);

test("a file that becomes shorter while it is read is named, or read again", async () => {
  const total = (await calls()).filter(([call]) => call === "readSync").length;
  let named = 0;
  for (let nth = 0; nth < total; nth++) {
    let reads = 0;
    const found = (await read((call) => (call === "readSync" && reads++ === nth ? { result: 0 } : null)))!;
    const missing = names.filter((name) => !found.names.includes(name));
    expect(found.skipped).toEqual(missing.map((name) => ({ name, reason: "it became shorter while it was read" })));
    named += missing.length;
  }
  expect(named).toBe(names.length);
});

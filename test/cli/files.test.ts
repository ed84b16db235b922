import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  isTemporary,
  makeFolders,
  namesIn,
  readIfThere,
  removeMade,
  removeTemporaries,
  temporaryPath,
  writeFileAtomically,
} from "../../src/cli/files.ts";
import { UserError } from "../../src/cli/user_error.ts";

// The real file system, but a call can be made to fail, and calls are noted.
const disk = vi.hoisted(() => ({ open: null as unknown, rename: null as unknown }));
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  return {
    ...real,
    open: (...args: Parameters<typeof real.open>) => ((disk.open as typeof real.open) ?? real.open)(...args),
    rename: (...args: Parameters<typeof real.rename>) => ((disk.rename as typeof real.rename) ?? real.rename)(...args),
  };
});

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "catgan-files-"));
});

afterEach(() => {
  disk.open = disk.rename = null;
  rmSync(dir, { recursive: true, force: true });
});

test("writes files whole, over earlier ones, and leaves nothing next to them", async () => {
  const path = join(dir, "a.json");
  await writeFileAtomically(path, "{}");
  await writeFileAtomically(path, Uint8Array.from([1, 2, 3]));
  expect([...readFileSync(path)]).toEqual([1, 2, 3]);
  async function* parts() {
    yield Uint8Array.of(4);
    yield Uint8Array.of(5, 6);
  }
  await writeFileAtomically(path, parts());
  expect([...readFileSync(path)]).toEqual([4, 5, 6]);
  expect(readdirSync(dir)).toEqual(["a.json"]);
  const failed = writeFileAtomically(join(dir, "no", "such.png"), "");
  await expect(failed).rejects.toThrow(/^cannot write .*such\.png: no such file or folder$/);
  await expect(failed).rejects.toThrow(UserError);
});

test("the bytes are on the disk before the name is, and the name before the call returns", async () => {
  const real = await vi.importActual<typeof import("node:fs/promises")>("node:fs/promises");
  const calls: string[] = [];
  disk.open = async (path: string, flags: string) => {
    const handle = await real.open(path, flags);
    const sync = handle.sync.bind(handle);
    handle.sync = async () => {
      calls.push(`sync ${flags === "wx" ? "file" : path}`);
      await sync();
    };
    return handle;
  };
  disk.rename = async (from: string, to: string) => {
    calls.push("rename");
    await real.rename(from, to);
  };
  await writeFileAtomically(join(dir, "a"), "{}");
  expect(calls).toEqual(["sync file", "rename", ...(process.platform === "win32" ? [] : [`sync ${dir}`])]);
});

test("a write that fails at its last step removes what it began", async () => {
  const path = join(dir, "config.json");
  await writeFileAtomically(path, "before");
  disk.rename = async () => {
    throw Object.assign(new Error("EIO: i/o error, rename"), { code: "EIO" });
  };
  await expect(writeFileAtomically(path, "after")).rejects.toThrow(/config\.json: the disk reports an error$/);
  expect(readFileSync(path, "utf8")).toBe("before");
  expect(readdirSync(dir)).toEqual(["config.json"]);
});

test("new folders are made durable in their parents, and only what was made is removed again", async () => {
  const real = await vi.importActual<typeof import("node:fs/promises")>("node:fs/promises");
  const synced: string[] = [];
  disk.open = async (path: string, flags: string) => {
    synced.push(path);
    return await real.open(path, flags);
  };
  mkdirSync(join(dir, "there"));
  const made = await makeFolders(join(dir, "there", "a", "b"));
  expect(made).toEqual([join(dir, "there", "a"), join(dir, "there", "a", "b")]);
  expect(synced).toEqual([join(dir, "there"), join(dir, "there", "a")]);
  expect(await makeFolders(join(dir, "there", "a"))).toEqual([]);
  symlinkSync(join(dir, "there"), join(dir, "link"));
  expect(await makeFolders(join(dir, "link"))).toEqual([]);
  writeFileSync(join(dir, "file"), "");
  await expect(makeFolders(join(dir, "file"))).rejects.toThrow("EEXIST");
  await expect(makeFolders(join(dir, "file", "c"))).rejects.toThrow("ENOTDIR");

  writeFileSync(join(dir, "there", "a", "mine"), "");
  await removeMade(made);
  expect(readdirSync(join(dir, "there", "a"))).toEqual(["mine"]);
  rmSync(join(dir, "there", "a", "mine"));
  await removeMade(made);
  expect(existsSync(join(dir, "there", "a"))).toBe(false);
});

test("temporary names never collide, and only files with such names are removed", async () => {
  const path = join(dir, "x.png");
  expect(temporaryPath(path)).not.toBe(temporaryPath(path));
  expect(isTemporary(temporaryPath(path))).toBe(true);
  const elsewhere = join(dir, "elsewhere");
  mkdirSync(elsewhere);
  writeFileSync(temporaryPath(join(elsewhere, "kept.png")), "");
  symlinkSync(elsewhere, join(dir, "samples"));
  await removeTemporaries(join(dir, "samples"));
  expect(readdirSync(elsewhere)).toHaveLength(1);

  const foreign = ["thesis.12345.tmp", "x.tmp", "a.catgan-12.tmp"];
  for (const name of foreign) writeFileSync(join(dir, name), "");
  symlinkSync(join(dir, "x.tmp"), temporaryPath(path));
  mkdirSync(temporaryPath(path));
  const before = readdirSync(dir).length;
  writeFileSync(temporaryPath(path), "");
  await removeTemporaries(dir);
  expect(readdirSync(dir)).toHaveLength(before);
  expect(readdirSync(dir)).toEqual(expect.arrayContaining(foreign));
});

test("only a missing file counts as missing", async () => {
  expect(await readIfThere(join(dir, "none"))).toBeNull();
  expect(await namesIn(join(dir, "none"))).toEqual([]);
  writeFileSync(join(dir, "file"), "x");
  expect(new TextDecoder().decode((await readIfThere(join(dir, "file")))!)).toBe("x");
  await expect(readIfThere(dir)).rejects.toThrow("EISDIR");
  await expect(namesIn(join(dir, "file"))).rejects.toThrow("ENOTDIR");
});

import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { openAdapter, softwareEnvironment } from "../../src/cli/adapter.ts";
import { UserError } from "../../src/cli/user_error.ts";

afterEach(() => void vi.unstubAllEnvs());

test("an adapter that is not here: the error lists those that are", async () => {
  const error = await openAdapter("no such").catch((error: unknown) => error);
  expect(error).toBeInstanceOf(UserError);
  expect((error as Error).message).toMatch(/^--adapter no such: no such adapter here; there is: .+/);
});

test("an adapter by a part of its name, in any case", async () => {
  const first = await openAdapter(process.env.CATGAN_TEST_ADAPTER ?? "software");
  const gpu = await openAdapter(first.name.slice(0, 5).toUpperCase());
  expect(gpu.name).toBe(first.name);
  first.destroy();
  gpu.destroy();
});

const brought = softwareEnvironment() !== null;

/** What others could do to the folder of libraries that a program of theirs must not be loaded from. */
const traps: [what: string, set: (folder: string) => void][] = [
  ["a folder that others may write", (folder) => chmodSync(folder, 0o777)],
  ["a parent that others may write", (folder) => chmodSync(dirname(folder), 0o777)],
  ["a library that others may write", (folder) => chmodSync(join(folder, "libvulkan.so.1"), 0o666)],
  [
    "a link to another folder",
    (folder) => {
      renameSync(folder, `${folder}.real`);
      symlinkSync(`${folder}.real`, folder);
    },
  ],
];

test.runIf(brought).each(traps)("the software adapter is not loaded from %s", (_, set) => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "catgan-adapter-")));
  const cache = join(root, "cache");
  vi.stubEnv("XDG_CACHE_HOME", cache);
  vi.stubEnv("TMPDIR", root);
  const folder = softwareEnvironment()!.CATGAN_SOFTWARE_VULKAN;
  expect(dirname(folder)).toBe(join(cache, "catgan"));
  expect(softwareEnvironment()!.CATGAN_SOFTWARE_VULKAN).toBe(folder);
  set(folder);
  const other = softwareEnvironment()!.CATGAN_SOFTWARE_VULKAN;
  expect(dirname(other)).toBe(join(root, `catgan-${process.getuid!()}`));
  expect(basename(other)).toBe(basename(folder));
  expect(readFileSync(join(other, "libvulkan.so.1")).length).toBeGreaterThan(1000);
  rmSync(root, { recursive: true });
});

test.runIf(brought)("without a place that is ours alone there is no software adapter", () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "catgan-adapter-")));
  vi.stubEnv("XDG_CACHE_HOME", join(root, "file"));
  vi.stubEnv("TMPDIR", root);
  writeFileSync(join(root, "file"), "");
  const trap = join(root, `catgan-${process.getuid!()}`);
  mkdirSync(trap);
  chmodSync(trap, 0o777);
  expect(softwareEnvironment()).toBeNull();
  rmSync(root, { recursive: true });
});

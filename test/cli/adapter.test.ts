import { createHash } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { openAdapter } from "../../src/cli/adapter.ts";
import { swiftShaderEnvironment } from "../../src/cli/swiftshader.ts";
import { UserError } from "../../src/cli/user_error.ts";
import { sampleOf } from "../fuzz/fuzz.ts";
import { start } from "./program.ts";

afterEach(() => void vi.unstubAllEnvs());

test("an adapter that is not here: the error lists those that are", async () => {
  const error = await openAdapter("no such").catch((error: unknown) => error);
  expect(error).toBeInstanceOf(UserError);
  expect((error as Error).message).toMatch(/^--adapter no such: no such adapter here; found: .+/);
});

test("an adapter by part of its name, in upper or lower case", async () => {
  const first = await openAdapter(process.env.CATGAN_TEST_ADAPTER ?? "software");
  const gpu = await openAdapter(first.name.slice(0, 5).toUpperCase());
  expect(gpu.name).toBe(first.name);
  first.destroy();
  gpu.destroy();
});

const brought = swiftShaderEnvironment() !== null;

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
  const folder = swiftShaderEnvironment()!.CATGAN_SOFTWARE_VULKAN;
  expect(dirname(folder)).toBe(join(cache, "catgan"));
  expect(swiftShaderEnvironment()!.CATGAN_SOFTWARE_VULKAN).toBe(folder);
  set(folder);
  const other = swiftShaderEnvironment()!.CATGAN_SOFTWARE_VULKAN;
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
  expect(swiftShaderEnvironment()).toBeNull();
  rmSync(root, { recursive: true });
});

/** What may become of a file of the cache. */
const damages: [what: string, damage: (path: string) => void][] = [
  ["deleted", (path) => rmSync(path)],
  ["emptied", (path) => truncateSync(path, 0)],
  ["cut short", (path) => truncateSync(path, statSync(path).size - 1)],
  [
    "changed by a bit",
    (path) => {
      const bytes = readFileSync(path);
      bytes[bytes.length >> 1] ^= 1;
      writeFileSync(path, bytes);
    },
  ],
];
const cached = ["libvk_swiftshader.so", "libvulkan.so.1", "vk_swiftshader_icd.json", "manifest.json"];
const digests = (folder: string) =>
  cached.map((name) =>
    createHash("sha256")
      .update(readFileSync(join(folder, name)))
      .digest("hex"),
  );

test.runIf(brought)("a file of the cached adapter that is not as it was unpacked is unpacked again", () => {
  const root = mkdtempSync(join(tmpdir(), "catgan-adapter-"));
  vi.stubEnv("XDG_CACHE_HOME", root);
  const folder = swiftShaderEnvironment()!.CATGAN_SOFTWARE_VULKAN;
  const whole = digests(folder);
  for (const file of cached) {
    for (const [what, damage] of sampleOf(damages)) {
      damage(join(folder, file));
      expect(swiftShaderEnvironment()!.CATGAN_SOFTWARE_VULKAN, `${file} ${what}`).toBe(folder);
      expect(digests(folder), `${file} ${what}`).toEqual(whole);
    }
  }
  // What a killed process left goes after an hour, and a folder of an earlier version, which has no manifest, gets one.
  const old = join(folder, "libvulkan.so.1.0123456789ab.tmp");
  const fresh = join(folder, "libvulkan.so.1.ba9876543210.tmp");
  for (const path of [old, fresh]) writeFileSync(path, "half");
  utimesSync(old, new Date(0), new Date(0));
  rmSync(join(folder, "manifest.json"));
  expect(swiftShaderEnvironment()!.CATGAN_SOFTWARE_VULKAN).toBe(folder);
  expect(readdirSync(folder).sort()).toEqual([...cached, basename(fresh)].sort());
  rmSync(root, { recursive: true });
});

test.runIf(brought)("the program mends a damaged cache, also when several start at once", async () => {
  const root = mkdtempSync(join(tmpdir(), "catgan-adapter-"));
  const env = { XDG_CACHE_HOME: root };
  const draw = () =>
    start(["sample", "test/fixtures/dcgan_plain.safetensors", "--adapter", "Swift", "--out", join(root, "x.png")], env)
      .done;
  const refusal = await draw();
  const folder = join(root, "catgan", readdirSync(join(root, "catgan"))[0]);
  const whole = digests(folder);
  for (const [what, damage] of sampleOf(damages)) {
    for (const file of cached.slice(0, 3)) damage(join(folder, file));
    // The file is no checkpoint, which is said once the adapter is there.
    for (const result of await Promise.all([draw(), draw(), draw()])) expect(result, what).toEqual(refusal);
    expect(digests(folder), what).toEqual(whole);
  }
  rmSync(root, { recursive: true });
});

test.runIf(brought)("where it cannot be unpacked, the reason is told, not what to install", async () => {
  const root = mkdtempSync(join(tmpdir(), "catgan-adapter-"));
  writeFileSync(join(root, "file"), "");
  const env = { XDG_CACHE_HOME: join(root, "file"), TMPDIR: join(root, "file") };
  const { code, stderr } = await start(["verify", "--adapter", "software"], env).done;
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /^catgan: --adapter software: SwiftShader cannot be unpacked from \S+swiftshader\.tar\.br: ENOTDIR: .+$/m,
  );
  rmSync(root, { recursive: true });
});

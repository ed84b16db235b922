/**
 * SwiftShader, a Vulkan driver that computes on the processor, for Linux x64: the npm package `@sparticuz/chromium`
 * ships it with a Vulkan loader, and they are unpacked into the user's cache.
 *
 * A truncated library crashes the process that loads it. So the folder has a manifest with the size and the SHA-256 of
 * each file, which is checked at every start (7 MB, about 10 ms); if anything differs, it is unpacked again. Files are
 * replaced one by one, each atomically, so processes that start at the same time always find complete files, whichever
 * of them wrote them.
 */
import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { parseTar } from "nanotar";
import { cacheFolder } from "./user_cache.ts";

declare const Deno:
  | undefined
  | {
      dlopen(path: string, symbols: Record<string, { parameters: string[]; result: string }>): unknown;
    };

/** Names the software adapter that a process uses: SwiftShader's folder, or the manifest of lavapipe. */
export const softwareFlag = "CATGAN_SOFTWARE_VULKAN";
/** What `@sparticuz/chromium` is built for. */
export const softwareRuns = process.platform === "linux" && process.arch === "x64";
export const inDeno = typeof Deno !== "undefined";

const driver = "vk_swiftshader_icd.json";
const loader = "libvulkan.so.1";
const files = ["libvk_swiftshader.so", loader, driver];
const manifestFile = "manifest.json";
/** Age in milliseconds from which a temporary file must be a killed process's. */
const staleAfter = 60 * 60 * 1000;

/** Variables that make Vulkan find SwiftShader; null where it is not available. */
export function swiftShaderEnvironment(): Record<string, string> | null {
  const unpacked = unpackSwiftShader();
  if ("missing" in unpacked) return null;
  const { folder } = unpacked;
  const { LD_LIBRARY_PATH } = process.env;
  return {
    [softwareFlag]: folder,
    LD_LIBRARY_PATH: LD_LIBRARY_PATH ? `${folder}:${LD_LIBRARY_PATH}` : folder,
    VK_ICD_FILENAMES: join(folder, driver),
    VK_DRIVER_FILES: join(folder, driver),
  };
}

/** Deno can open the loader by its path; wgpu then finds it by its name among the libraries already loaded. */
export function preloadSwiftShader(): void {
  const unpacked = unpackSwiftShader();
  if ("missing" in unpacked) return;
  process.env.VK_ICD_FILENAMES = process.env.VK_DRIVER_FILES = join(unpacked.folder, driver);
  Deno!.dlopen(join(unpacked.folder, loader), {
    vkGetInstanceProcAddr: { parameters: ["pointer", "pointer"], result: "pointer" },
  });
}

/** @returns the folder with its files, intact; or why there is none, and what to do */
export function unpackSwiftShader(): { folder: string } | { missing: string } {
  const archive = findArchive();
  if (archive === null)
    return { missing: "there is none here: run npm install @sparticuz/chromium, which includes SwiftShader" };
  const version = JSON.parse(readFileSync(join(dirname(archive), "..", "package.json"), "utf8")).version;
  const failures: string[] = [];
  for (const parent of [cacheFolder(), join(tmpdir(), `catgan-${process.getuid!()}`)]) {
    const folder = join(parent, `swiftshader-${version}`);
    const paths = [parent, folder, ...[...files, manifestFile].map((name) => join(folder, name))];
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const foreign = paths.find(isOfOthers);
      if (foreign) throw new Error(`${foreign} is a link, or another user owns it or may write to it`);
      if (!isWhole(folder)) unpack(archive, folder);
      return { folder };
    } catch (error) {
      // Another process may have unpacked it meanwhile; otherwise the next parent is tried.
      if (isWhole(folder) && !paths.some(isOfOthers)) return { folder };
      failures.push((error as Error).message);
    }
  }
  return { missing: `SwiftShader cannot be unpacked from ${archive}: ${failures.join("; ")}` };
}

function findArchive(): string | null {
  if (!softwareRuns) return null;
  try {
    const main = createRequire(import.meta.url).resolve("@sparticuz/chromium");
    const archive = join(dirname(main), "..", "..", "bin", "swiftshader.tar.br");
    return existsSync(archive) ? archive : null;
  } catch {
    return null;
  }
}

/** Whether another user may have put it there or can change it: it is loaded as code, and /tmp is open to everybody. */
function isOfOthers(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return (
    found !== undefined && (found.isSymbolicLink() || found.uid !== process.getuid!() || (found.mode & 0o022) !== 0)
  );
}

/** A file as the manifest describes it. */
const describe = (bytes: Uint8Array) => ({
  bytes: bytes.length,
  sha256: createHash("sha256").update(bytes).digest("hex"),
});

/** Whether every file is intact. */
function isWhole(folder: string): boolean {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, manifestFile), "utf8"));
    return files.every((name) => {
      const { bytes, sha256 } = describe(readFileSync(join(folder, name)));
      return manifest[name].bytes === bytes && manifest[name].sha256 === sha256;
    });
  } catch {
    // Missing or unreadable: unpacking again either repairs it or says why that is impossible.
    return false;
  }
}

/** @throws Error when the archive is damaged, or a file cannot be written */
function unpack(archive: string, folder: string): void {
  const manifest: Record<string, ReturnType<typeof describe>> = {};
  for (const { name, data } of parseTar(brotliDecompressSync(readFileSync(archive)))) {
    const file = name.split("/").pop()!;
    if (!files.includes(file) || !data) continue;
    replace(join(folder, file), data);
    manifest[file] = describe(data);
  }
  const absent = files.find((name) => !(name in manifest));
  if (absent) throw new Error(`${absent} is not in it`);
  replace(join(folder, manifestFile), JSON.stringify(manifest));
  sync(folder);
  deleteStale(folder);
}

/** Writes a file completely or not at all. */
function replace(path: string, content: Uint8Array | string): void {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    writeFileSync(temporary, content, { mode: 0o600, flag: "wx" });
    sync(temporary);
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Deletes temporary files that killed processes left in `replace`. */
function deleteStale(folder: string): void {
  for (const name of readdirSync(folder).filter((name) => /\.[0-9a-f]{12}\.tmp$/.test(name))) {
    const path = join(folder, name);
    const { mtimeMs = Date.now() } = lstatSync(path, { throwIfNoEntry: false }) ?? {};
    if (mtimeMs < Date.now() - staleAfter) rmSync(path, { force: true });
  }
}

/**
 * Finds a GPU in Node and in Deno. Where there is none, Linux x64 gets a software one: the npm package
 * `@sparticuz/chromium` ships SwiftShader and a Vulkan loader, and they are unpacked into the user's cache.
 */
import { spawn } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { constants, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { parseTar } from "nanotar";
import { describeAdapter, Gpu, isSoftware } from "../gpu/gpu.ts";
import { cacheFolder } from "./user_cache.ts";
import { UserError } from "./user_error.ts";

declare const Deno:
  | undefined
  | {
      dlopen(path: string, symbols: Record<string, { parameters: string[]; result: string }>): unknown;
    };

/** Names the folder that holds the unpacked software adapter, in a process that uses it. */
export const unpackedFlag = "CATGAN_SOFTWARE_VULKAN";
const softwareFiles = ["libvk_swiftshader.so", "libvulkan.so.1", "vk_swiftshader_icd.json"];
/**
 * Dawn guards every array index by the array's length, which it asks for anew each time: on SwiftShader a third of a
 * training step. Our shaders read and write inside of their buffers by themselves (and no others run here), so the
 * software adapter goes without. CATGAN_DAWN_FLAGS="" brings the guards back; see docs/performance.md. Shared memory is not
 * zeroed either: nothing reads of it what was not written, and SwiftShader compiles each zero as a store of its own.
 */
const softwareFlags = ["enable-dawn-features=disable_robustness,disable_workgroup_init"];
/** What `@sparticuz/chromium` is built for. */
const softwareRuns = process.platform === "linux" && process.arch === "x64";
const inDeno = typeof Deno !== "undefined";

// Dawn's instance crashes the process when it is collected while its devices live: hold every one.
const instances: GPU[] = [];

/**
 * Opens the adapter.
 * @param choice `auto` (a real one, else software), `software`, or a part of an adapter's name
 * @throws UserError when there is none: says what to install.
 */
export async function openAdapter(choice: string): Promise<Gpu> {
  const seen: string[] = [];
  for (const gpu of await webgpuInstances(choice)) {
    for (const powerPreference of ["high-performance", "low-power"] as const) {
      const adapter = await gpu.requestAdapter({ powerPreference });
      if (!adapter) continue;
      const name = describeAdapter(adapter.info);
      if (!seen.includes(name)) seen.push(name);
      if (
        choice === "software"
          ? isSoftware(adapter.info)
          : choice === "auto" || name.toLowerCase().includes(choice.toLowerCase())
      ) {
        return await Gpu.open(adapter);
      }
    }
  }
  if (choice === "software") {
    const bring = softwareRuns
      ? "run npm install @sparticuz/chromium, which brings SwiftShader"
      : "install Mesa's lavapipe";
    throw new UserError(`--adapter software: there is none here: ${bring}`);
  }
  if (seen.length > 0) {
    throw new UserError(`--adapter ${choice}: no such adapter here; there is: ${seen.join(", ")}`);
  }
  throw new UserError(
    "no WebGPU adapter found: install a Vulkan driver for your GPU (Linux: mesa-vulkan-drivers or NVIDIA's own), " +
      "or, on Linux x64, run npm install @sparticuz/chromium for a software adapter",
  );
}

async function webgpuInstances(choice: string): Promise<GPU[]> {
  if (inDeno) {
    if (choice === "software" || !mayHaveGpu()) preloadSoftware();
    const { gpu } = navigator as unknown as { gpu?: GPU };
    if (!gpu) throw new UserError("this Deno has no WebGPU: run it with deno run --unstable-webgpu");
    return [gpu];
  }
  if (instances.length > 0) return instances;
  const { create } = (await import("webgpu")) as { create(flags: string[]): GPU };
  const software = process.env[unpackedFlag] !== undefined;
  const flags = process.env.CATGAN_DAWN_FLAGS?.split(" ").filter(Boolean) ?? (software ? softwareFlags : []);
  instances.push(create(software ? ["backend=vulkan", ...flags] : flags));
  return instances;
}

/** What Linux shows of a GPU: Mesa's drivers, NVIDIA's, WSL2's, AMD's compute, Arm's. */
const gpuNodes = /^(nvidiactl|dxg|kfd|mali0)$/;

/**
 * Whether asking for an adapter can find more than the software one that is brought along. A quick look at the device
 * files: where there are none, asking would only make Dawn warn of each driver that it cannot load.
 */
export function mayHaveGpu(): boolean {
  if (!softwareRuns) return true;
  if (process.env[unpackedFlag]) return false;
  // Somebody has chosen a driver.
  if (process.env.VK_ICD_FILENAMES || process.env.VK_DRIVER_FILES) return true;
  return list("/dev").some((name) => gpuNodes.test(name)) || list("/dev/dri").some((name) => /^renderD/.test(name));
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * Makes sure that the process can reach the chosen adapter. The Vulkan loader's folder must be in the environment when
 * a Node process starts, so where a software adapter is needed this runs the same command in a child that has it and
 * returns the child's exit code; null means: go on in this process.
 */
export async function enterSoftware(choice: string): Promise<number | null> {
  if (inDeno || process.env[unpackedFlag] || !softwareRuns) return null;
  // A name is looked for among the GPUs; where there are none, among the software adapter's.
  if (choice !== "software" && mayHaveGpu() && (choice !== "auto" || (await hasAdapter()))) return null;
  const env = softwareEnvironment();
  return env ? await runAgain(env) : null;
}

/** Variables that make Vulkan find SwiftShader; null where the package that brings it is not installed. */
export function softwareEnvironment(): Record<string, string> | null {
  const folder = unpackSoftware();
  if (folder === null) return null;
  const { LD_LIBRARY_PATH } = process.env;
  return {
    [unpackedFlag]: folder,
    LD_LIBRARY_PATH: LD_LIBRARY_PATH ? `${folder}:${LD_LIBRARY_PATH}` : folder,
    VK_ICD_FILENAMES: join(folder, "vk_swiftshader_icd.json"),
    VK_DRIVER_FILES: join(folder, "vk_swiftshader_icd.json"),
  };
}

/** Deno can open the loader by its path; wgpu then finds it by its name among the libraries already loaded. */
function preloadSoftware(): void {
  const folder = unpackSoftware();
  if (folder === null) return;
  process.env.VK_ICD_FILENAMES = process.env.VK_DRIVER_FILES = join(folder, "vk_swiftshader_icd.json");
  Deno!.dlopen(join(folder, "libvulkan.so.1"), {
    vkGetInstanceProcAddr: { parameters: ["pointer", "pointer"], result: "pointer" },
  });
}

async function hasAdapter(): Promise<boolean> {
  const [gpu] = await webgpuInstances("auto");
  return (await gpu.requestAdapter({ powerPreference: "high-performance" })) !== null;
}

function unpackSoftware(): string | null {
  if (!softwareRuns) return null;
  let archive: string;
  try {
    const main = createRequire(import.meta.url).resolve("@sparticuz/chromium");
    archive = join(dirname(main), "..", "..", "bin", "swiftshader.tar.br");
  } catch {
    return null;
  }
  if (!existsSync(archive)) return null;
  const version = JSON.parse(readFileSync(join(dirname(archive), "..", "package.json"), "utf8")).version;
  for (const parent of [cacheFolder(), join(tmpdir(), `catgan-${process.getuid!()}`)]) {
    const folder = join(parent, `swiftshader-${version}`);
    try {
      mkdirSync(parent, { recursive: true, mode: 0o700 });
    } catch {
      continue;
    }
    if (!isOurs(parent)) continue;
    const ready = () => [folder, ...softwareFiles.map((file) => join(folder, file))].every(isOurs);
    if (ready()) return folder;
    const unfinished = `${folder}.${process.pid}`;
    try {
      mkdirSync(unfinished, { mode: 0o700 });
      for (const entry of parseTar(brotliDecompressSync(readFileSync(archive)))) {
        const file = entry.name.split("/").pop()!;
        if (softwareFiles.includes(file) && entry.data)
          writeFileSync(join(unfinished, file), entry.data, { mode: 0o600 });
      }
      renameSync(unfinished, folder);
      return folder;
    } catch {
      rmSync(unfinished, { recursive: true, force: true });
      // Another process may have been first; else the next parent is tried.
      if (ready()) return folder;
    }
  }
  return null;
}

/** Nobody else put it there or can change it: code is loaded from it, and a name under /tmp is anyone's to take. */
function isOurs(path: string): boolean {
  try {
    const found = lstatSync(path);
    return !found.isSymbolicLink() && found.uid === process.getuid!() && (found.mode & 0o022) === 0;
  } catch {
    return false;
  }
}

/** The same command in a child with more environment. Signals reach it once, through this process only. */
async function runAgain(env: Record<string, string>): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    // An own process group: the terminal's Ctrl-C reaches this process only, which passes it on, once.
    detached: true,
    env: { ...process.env, ...env },
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
  const signals: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  // Ctrl-Z and fg, likewise.
  process.on("SIGTSTP", () => {
    child.kill("SIGSTOP");
    process.kill(process.pid, "SIGSTOP");
  });
  process.on("SIGCONT", () => child.kill("SIGCONT"));
  return await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

/** In a child of `runAgain`: ends when the parent is gone, and does not keep the process alive by listening. */
export function followParent(): void {
  if (!process.env[unpackedFlag] || !process.channel) return;
  process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
  process.channel.unref();
}

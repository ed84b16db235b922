/** Finds a GPU in Node and in Deno, or the fastest software adapter where there is none. */
import { readdirSync } from "node:fs";
import { describeAdapter, Gpu, isSoftware } from "../gpu/gpu.ts";
import { runAgain } from "./child_process.ts";
import { chooseSoftware, namedSoftware, otherThan, useInDeno, whyNoLavapipe } from "./software_adapters.ts";
import { inDeno, softwareFlag, softwareRuns, unpackSwiftShader } from "./swiftshader.ts";
import { UserError } from "./user_error.ts";

/**
 * Dawn checks every array index against the array's length (robustness), which costs a third of a training step on
 * SwiftShader. Our shaders stay within their buffers, and no other shaders run here, so software adapters turn the
 * checks off. CATGAN_DAWN_FLAGS="" turns them on again; see docs/performance.md. Shared memory is not zeroed either: no
 * shader reads what it has not written, and SwiftShader compiles each zero to a separate store.
 */
const softwareFlags = ["enable-dawn-features=disable_robustness,disable_workgroup_init"];

/** Dawn's warnings about limits that lavapipe has and nobody needs. */
const dawnNoise = /^Warning: max\w+ artificially reduced from/;

// The process crashes if a Dawn instance is garbage-collected while one of its devices exists: keep them all.
const instances: GPU[] = [];

/**
 * Opens the adapter.
 * @param choice `auto` (a GPU, or else software), `software`, `lavapipe`, `swiftshader`, or part of a GPU's name
 * @throws UserError that says what to install, when there is none
 */
export async function openAdapter(choice: string): Promise<Gpu> {
  const seen: string[] = [];
  for (const gpu of await webgpuInstances(choice)) {
    for (const powerPreference of ["high-performance", "low-power"] as const) {
      const adapter = await gpu.requestAdapter({ powerPreference });
      if (!adapter) continue;
      const name = describeAdapter(adapter.info);
      if (!seen.includes(name)) seen.push(name);
      if (isChosen(choice, adapter.info)) return await Gpu.open(adapter);
    }
  }
  if (choice === "software") throw new UserError(`--adapter software: ${whyNoSoftware()}`);
  if (seen.length > 0) {
    throw new UserError(`--adapter ${choice}: no such adapter here; found: ${seen.join(", ")}`);
  }
  throw new UserError(
    "no WebGPU adapter found: install a Vulkan driver for your GPU (Linux: mesa-vulkan-drivers or NVIDIA's own); " +
      `software adapter: ${whyNoSoftware()}`,
  );
}

function isChosen(choice: string, info: GPUAdapterInfo): boolean {
  if (choice === "auto") return true;
  if (choice === "software") return isSoftware(info);
  const name = describeAdapter(info).toLowerCase();
  // lavapipe calls itself llvmpipe.
  return name.includes(choice.toLowerCase()) || (namedSoftware(choice) === "lavapipe" && name.includes("llvmpipe"));
}

async function webgpuInstances(choice: string): Promise<GPU[]> {
  if (inDeno) {
    if (choice === "software" || namedSoftware(choice) || !mayHaveGpu()) useInDeno(choice);
    const { gpu } = navigator as unknown as { gpu?: GPU };
    if (!gpu) throw new UserError("this Deno has no WebGPU: run it with deno run --unstable-webgpu");
    return [gpu];
  }
  if (instances.length > 0) return instances;
  const { create } = (await import("webgpu")) as { create(flags: string[]): GPU };
  const software = process.env[softwareFlag] !== undefined;
  const flags = process.env.CATGAN_DAWN_FLAGS?.split(" ").filter(Boolean) ?? (software ? softwareFlags : []);
  instances.push(create(software ? ["backend=vulkan", ...flags] : flags));
  return instances;
}

/** Device files of GPUs on Linux: Mesa's drivers, NVIDIA's, WSL2's, AMD's compute, Arm's. */
const gpuNodes = /^(nvidiactl|dxg|kfd|mali0)$/;

/**
 * Whether there may be a GPU. This only looks at the device files: without any, requesting an adapter would make Dawn warn
 * about each driver that it cannot load.
 */
export function mayHaveGpu(): boolean {
  if (!softwareRuns) return true;
  if (process.env[softwareFlag]) return false;
  // The user has chosen a driver.
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
 * Makes sure that the process can reach the chosen adapter. A software adapter's variables must be in the environment when
 * a Node process starts, so where one is needed this runs the same command in a child that has them and returns the
 * child's exit code. Null: continue in this process.
 * @throws UserError when lavapipe is asked for, and not here
 */
export async function enterSoftware(choice: string): Promise<number | null> {
  if (inDeno) return null;
  const entered = process.env[softwareFlag];
  if (entered !== undefined) {
    if (!entered.endsWith(".json") || (await hasAdapter())) return null;
    const other = otherThan(entered);
    return other ? await runAgain(other.environment) : null;
  }
  const asked = choice === "software" || namedSoftware(choice) !== null;
  // A name is searched among the GPUs; without any, it can only be a software adapter's.
  if (!asked && mayHaveGpu() && (choice !== "auto" || (await hasAdapter()))) return null;
  const software = chooseSoftware(choice);
  if (software) return await runAgain(software.environment, software.kind === "lavapipe" ? dawnNoise : undefined);
  if (namedSoftware(choice) === "lavapipe") throw new UserError(`--adapter ${choice}: ${whyNoLavapipe()}`);
  return null;
}

async function hasAdapter(): Promise<boolean> {
  const [gpu] = await webgpuInstances("auto");
  return (await gpu.requestAdapter({ powerPreference: "high-performance" })) !== null;
}

function whyNoSoftware(): string {
  if (!softwareRuns) return "there is none here: install Mesa's lavapipe";
  const unpacked = unpackSwiftShader();
  if ("missing" in unpacked) return unpacked.missing;
  return `SwiftShader in ${unpacked.folder} does not load: install Mesa's lavapipe instead`;
}

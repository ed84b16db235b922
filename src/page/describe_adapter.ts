/** What the page says about the adapter, its speed and the time a run takes. */
import type { PresetName } from "../train/config.ts";
import { duration, rough } from "./format.ts";
import type { Adapter, Speed } from "./protocol.ts";

export interface AdapterDescription {
  /** One or two sentences. */
  text: string;
  /** How to get WebGPU, or a faster adapter; null if nothing would help. */
  help: { title: string; lines: string[] } | null;
  canTrain: boolean;
}

const browsersWithWebGpu = [
  "Chrome and Edge: version 121 or newer on Windows, macOS, ChromeOS and Android 12 or newer.",
  "Safari: version 26 or newer on macOS, iOS and iPadOS.",
  "Firefox: version 141 or newer on Windows, 145 or newer on Macs with Apple silicon; elsewhere set dom.webgpu.enabled to true in about:config.",
  "Chrome on Linux: open chrome://flags, enable “Unsafe WebGPU Support” and “Vulkan”, then restart the browser.",
];

const enablingTheGpu = [
  "Turn on Settings → System → “Use graphics acceleration when available”, then restart the browser.",
  "On Linux, also enable “Vulkan” and “Unsafe WebGPU Support” in chrome://flags. chrome://gpu shows what is missing.",
  "Virtual machines and remote desktops often have no GPU.",
];

export function describeAdapter(adapter: Adapter | null, secure: boolean): AdapterDescription {
  if (adapter === null) return { text: "Looking for a GPU…", help: null, canTrain: false };
  if (adapter.kind === "found") {
    if (!adapter.software) return { text: `Found ${adapter.name}.`, help: null, canTrain: true };
    return {
      text: `No GPU found, so your processor does the work (${adapter.name}). It runs; a GPU is roughly 100 times faster.`,
      help: { title: "How to enable a GPU", lines: enablingTheGpu },
      canTrain: true,
    };
  }
  switch (adapter.reason) {
    case "no WebGPU":
      if (!secure) {
        return {
          text: "WebGPU works only on pages served over https, or from this machine (localhost).",
          help: null,
          canTrain: false,
        };
      }
      return {
        text: "This browser does not have WebGPU, which training needs.",
        help: { title: "Which browsers have it, and how to enable it", lines: browsersWithWebGpu },
        canTrain: false,
      };
    case "no adapter":
      return {
        text: "This browser has WebGPU, but it found no GPU to use.",
        help: { title: "What to try", lines: [...enablingTheGpu, ...browsersWithWebGpu.slice(-1)] },
        canTrain: false,
      };
    case "too small":
      return { text: `The GPU is too small for the kernels: ${adapter.detail}.`, help: null, canTrain: false };
  }
}

/** The measured speed; null until it has been measured. */
export function describeSpeed(speed: Speed | null): string | null {
  return speed && `Measured: ${rough(speed.picturesPerSecond)} pictures per second at 32 × 32.`;
}

/** How long a run would take at the measured speed. @param flops of all its steps @returns "" until measured */
export function describeRunTime(speed: Speed | null, flops: number, preset: PresetName): string {
  if (speed === null) return "";
  const seconds = flops / speed.flopsPerSecond;
  // Small networks leave a GPU idle between their steps: larger ones reach a multiple of the measured rate.
  return preset === "tiny" ? `about ${duration(seconds)}` : `at most ${duration(seconds)}`;
}

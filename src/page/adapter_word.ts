/** The short, honest word about the adapter. */
import type { PresetName } from "../train/config.ts";
import { duration, rough } from "./format.ts";
import type { Adapter, Speed } from "./protocol.ts";

export interface AdapterWord {
  /** One or two sentences. */
  text: string;
  /** How to get there, or further; null where nothing can be gained. */
  help: { title: string; lines: string[] } | null;
  canTrain: boolean;
}

const whereItIs = [
  "Chrome and Edge: on Windows, macOS, ChromeOS and Android 12 or newer, since version 121.",
  "Safari: since version 26, on macOS, iOS and iPadOS.",
  "Firefox: since version 141 on Windows, 145 on Macs with Apple's chips; elsewhere set dom.webgpu.enabled to true in about:config.",
  "Chrome on Linux: open chrome://flags, enable “Unsafe WebGPU Support” and “Vulkan”, and start the browser anew.",
];

const realGpu = [
  "Settings → System → “Use graphics acceleration when available” has to be on; then start the browser anew.",
  "On Linux, also enable “Vulkan” and “Unsafe WebGPU Support” in chrome://flags; chrome://gpu says what is missing.",
  "A virtual machine or a remote desktop often has no GPU to offer.",
];

export function adapterWord(adapter: Adapter | null, secure: boolean): AdapterWord {
  if (adapter === null) return { text: "Looking for a GPU…", help: null, canTrain: false };
  if (adapter.kind === "found") {
    if (!adapter.software) return { text: `Found ${adapter.name}.`, help: null, canTrain: true };
    return {
      text: `No real GPU here: ${adapter.name} pretends to be one, on the processor. It works; a real GPU is some hundred times faster.`,
      help: { title: "How to switch a real GPU on", lines: realGpu },
      canTrain: true,
    };
  }
  switch (adapter.reason) {
    case "no WebGPU":
      if (!secure) {
        return {
          text: "WebGPU is only there on pages that come by https, or from this very machine (localhost).",
          help: null,
          canTrain: false,
        };
      }
      return {
        text: "This browser has no WebGPU, which the training runs on.",
        help: { title: "Which browsers have it, and how to switch it on", lines: whereItIs },
        canTrain: false,
      };
    case "no adapter":
      return {
        text: "This browser has WebGPU, but finds no GPU for it.",
        help: { title: "What to try", lines: [...realGpu, ...whereItIs.slice(-1)] },
        canTrain: false,
      };
    case "too small":
      return { text: `The GPU is too small for the kernels: ${adapter.detail}.`, help: null, canTrain: false };
  }
}

/** What was measured, in words; null while it was not. */
export function speedWord(speed: Speed | null): string | null {
  return speed && `Measured: ${rough(speed.picturesPerSecond)} pictures a second at 32 × 32.`;
}

/** How long a run would take at the speed that was measured. @param flops of all its steps */
export function etaWord(speed: Speed | null, flops: number, preset: PresetName): string {
  if (speed === null) return "";
  const seconds = flops / speed.flopsPerSecond;
  // Small networks leave a GPU idle between their steps: larger ones reach a multiple of the measured rate.
  return preset === "tiny" ? `about ${duration(seconds)}` : `at most ${duration(seconds)}`;
}

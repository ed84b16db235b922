/** Grids of a run, a PNG each: samples/00000050.png. */
import type { Sample } from "../protocol.ts";
import type { Folder } from "./folder.ts";
import { thinnedOut } from "./thin.ts";

/** Maximum number of grids kept per run. */
const maxSamples = 120;
const pngEnd = Uint8Array.of(0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82);

/** Keeps a grid. @returns the steps whose grids were thinned out for it */
export async function addSample(samples: Folder, step: number, png: Uint8Array): Promise<number[]> {
  await samples.write(sampleFile(step), png);
  const thinned = thinnedOut(await sampleSteps(samples), maxSamples);
  for (const old of thinned) await samples.remove(sampleFile(old));
  return thinned;
}

/** The grids in the order of steps, without those that a crash cut short. */
export async function readSamples(samples: Folder, upTo: number): Promise<Sample[]> {
  const found: Sample[] = [];
  for (const step of await sampleSteps(samples)) {
    const png = step <= upTo ? await readSample(samples, step) : null;
    if (png) found.push({ step, png });
  }
  return found;
}

/** The newest intact grid; null when there is none. */
export async function newestSample(samples: Folder): Promise<Blob | null> {
  for (const step of (await sampleSteps(samples)).reverse()) {
    const png = await readSample(samples, step);
    if (png) return png;
  }
  return null;
}

export async function removeSamplesAfter(samples: Folder, step: number): Promise<void> {
  for (const later of await sampleSteps(samples)) if (later > step) await samples.remove(sampleFile(later));
}

/** Null when the bytes are cut short or missing. */
export function wholePng(bytes: Uint8Array<ArrayBuffer> | null): Blob | null {
  if (!bytes || !pngEnd.every((byte, i) => bytes[bytes.length - pngEnd.length + i] === byte)) return null;
  return new Blob([bytes], { type: "image/png" });
}

async function readSample(samples: Folder, step: number): Promise<Blob | null> {
  return wholePng(await samples.read(sampleFile(step)));
}

/** In ascending order. */
async function sampleSteps(samples: Folder): Promise<number[]> {
  const steps = (await samples.files()).flatMap((name) => {
    const [, digits] = /^(\d+)\.png$/.exec(name) ?? [];
    return digits === undefined ? [] : [Number(digits)];
  });
  return steps.filter(Number.isSafeInteger).sort((a, b) => a - b);
}

function sampleFile(step: number): string {
  return `${String(step).padStart(8, "0")}.png`;
}

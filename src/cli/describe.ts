/** What people are told about a run. */

import { version } from "../../package.json";
import { stepsPerEpoch } from "../data/batches.ts";
import { discriminator, generator, type Network } from "../nn/dcgan.ts";
import { countParameters } from "../nn/parameters.ts";
import type { Config } from "../train/config.ts";
import type { Trainer } from "../train/trainer.ts";
import { commandLine, duration, grouped, type Reporter } from "./progress.ts";
import { samplePath } from "./run_folder.ts";

export function heading(reporter: Reporter): void {
  reporter.line();
  reporter.line(`  ${reporter.bold("catgan")} ${version}: a DCGAN learns to draw cats`);
  reporter.line();
}

export interface RunFacts {
  config: Config;
  /** Which preset and why, or where an earlier run goes on. */
  origin: string;
  data: string;
  /** Pictures. */
  count: number;
  totalSteps: number;
  flopsPerStep: number;
}

export function describeRun(reporter: Reporter, { config, origin, data, count, totalSteps, flopsPerStep }: RunFacts) {
  const { size, batch, z, epochs } = config;
  reporter.fact("preset", origin);
  const networks = { generator: generator(config), discriminator: discriminator(config) };
  for (const [name, { layers, specs }] of Object.entries(networks)) {
    const first = name === "generator" ? [z] : layers[0].input;
    // A logit is a number, not a picture of one pixel.
    const outputs = layers.map(({ output, activation }) => (activation === "logit" ? [1] : output));
    const shapes = [first, ...outputs].map((shape) => shape.join("×")).join(" →\u00a0");
    reporter.fact(name, `${shapes}, ${grouped(countParameters(specs))}\u00a0parameters`);
  }
  const what = data === "painted" ? "painted cats" : `from ${data}`;
  reporter.fact("pictures", `${grouped(count)} ${what}, ${size}×${size}`);
  const length = epochs === null ? "" : `${grouped(epochs)} epochs, `;
  const epoch = grouped(stepsPerEpoch(count, batch));
  reporter.fact("training", `${length}${grouped(totalSteps)} steps of ${batch} pictures; an epoch is ${epoch} steps`);
  reporter.fact("a step", `${flopsText(flopsPerStep)}`);
}

/** A network layer by layer. */
export function layerTable(reporter: Reporter, title: string, { layers, specs }: Network): void {
  reporter.line();
  reporter.line(`  ${reporter.bold(title.padEnd(56))}${"output".padEnd(11)}${"parameters".padStart(10)}`);
  for (const { name, kind, kernel, stride, norm, activation, output } of layers) {
    const filter = kind === "dense" ? "" : ` ${kernel}×${kernel}${stride > 1 ? ` s${stride}` : ""}`;
    const after = `${norm ? "batch-norm, " : ""}${activation}`;
    const parameters = grouped(countParameters(specs.filter((spec) => spec.name.startsWith(`${name}.`))));
    const shape = activation === "logit" ? "1" : output.join("×");
    const cells = [name.padEnd(9), `${kind}${filter}`.padEnd(23), after.padEnd(24), shape.padEnd(11)];
    reporter.line(`  ${cells.join("")}${parameters.padStart(10)}`);
  }
  reporter.line(`  ${"".padEnd(67)}${grouped(countParameters(specs)).padStart(10)}`);
}

export interface Outcome {
  outcome: "finished" | "stopped";
  dir: string;
  trainer: Trainer;
  /** What this session did. */
  steps: number;
  seconds: number;
}

/** The last lines: what there is now, and what to do with it. */
export function conclude(reporter: Reporter, { outcome, dir, trainer, steps, seconds }: Outcome): void {
  const { step, totalSteps } = trainer;
  const resume = (...more: string[]) => commandLine("train", "--resume", dir, ...more);
  if (outcome === "stopped") {
    const saved = step > 0 ? ", saved" : "";
    reporter.line(`  Stopped after step ${grouped(step)} of ${grouped(totalSteps)}${saved}.`);
    reporter.line(`  Resume: ${reporter.bold(resume())}`);
    return;
  }
  reporter.line(`  Done: ${grouped(steps)} steps in ${duration(seconds)}.`);
  reporter.line(`  Look:   ${reporter.bold(samplePath(dir, step))}`);
  reporter.line(`  More:   ${commandLine("sample", dir)}`);
  reporter.line(`  Resume: ${resume("--steps", String(2 * step))}`);
}

/** At most this many skipped files are named. */
const named = 5;

export function warnOfSkipped(skipped: readonly { name: string; reason: string }[]): void {
  if (skipped.length === 0) return;
  warn(`skipped ${skipped.length} file${skipped.length > 1 ? "s" : ""} that cannot be used:`);
  for (const { name, reason } of skipped.slice(0, named)) console.error(`  ${name}: ${reason}`);
  if (skipped.length > named) console.error(`  and ${skipped.length - named} more`);
}

export function warn(text: string): void {
  console.error(`catgan: warning: ${text}`);
}

function flopsText(flops: number): string {
  return flops >= 1e12 ? `${(flops / 1e12).toFixed(2)} TFLOP` : `${(flops / 1e9).toPrecision(3)} GFLOP`;
}

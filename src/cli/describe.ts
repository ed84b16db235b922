/** Describes a run: before training, and at its end. */

import { version } from "../../package.json";
import { stepsPerEpoch } from "../data/batches.ts";
import type { Refused } from "../data/photographs.ts";
import { groupRefusals, type RefusalGroup } from "../data/refusals.ts";
import { discriminator, generator, type Network } from "../nn/dcgan.ts";
import { countParameters } from "../nn/parameters.ts";
import type { Config } from "../train/config.ts";
import type { Trainer } from "../train/trainer.ts";
import { commandLine, duration, grouped, type Reporter, widest, wrapped } from "./progress.ts";
import { samplePath } from "./run_paths.ts";
import { escapeControls } from "./terminal_text.ts";

export function heading(reporter: Reporter): void {
  reporter.line();
  reporter.line(`  ${reporter.bold("catgan")} ${version}: a DCGAN learns to draw cats`);
  reporter.line();
}

export interface RunFacts {
  config: Config;
  /** Which preset and why, or where an earlier run continues. */
  origin: string;
  data: string;
  /** Pictures. */
  count: number;
  /** Files that could not be used. */
  skipped: number;
  totalSteps: number;
  flopsPerStep: number;
}

export function describeRun(reporter: Reporter, facts: RunFacts) {
  const { config, origin, data, count, skipped, totalSteps, flopsPerStep } = facts;
  const { size, batch, z, epochs } = config;
  reporter.fact("preset", origin);
  const networks = { generator: generator(config), discriminator: discriminator(config) };
  for (const [name, { layers, specs }] of Object.entries(networks)) {
    const first = name === "generator" ? [z] : layers[0].input;
    // The logit is a number, not a picture of one pixel.
    const outputs = layers.map(({ output, activation }) => (activation === "logit" ? [1] : output));
    const shapes = [first, ...outputs].map((shape) => shape.join("×")).join(" →\u00a0");
    reporter.fact(name, `${shapes}, ${grouped(countParameters(specs))}\u00a0parameters`);
  }
  const what = data === "painted" ? "painted cats" : `from ${data}`;
  const lost = skipped === 0 ? "" : `; ${grouped(skipped)} skipped`;
  reporter.fact("pictures", `${grouped(count)} ${what}, ${size}×${size}${lost}`);
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

/** The last lines: the result, and what to do with it. */
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

/** The warning lists this many reasons, each with one file name, shortened to `nameLength` characters. */
const limits = { reasons: 5, nameLength: 40 };

/** Warns of skipped files by reason, in a few lines of 80 columns. @param data what the user gave as pictures */
export function warnOfSkipped(skipped: readonly Refused[], data: string): void {
  if (skipped.length === 0) return;
  warn(`skipped ${grouped(skipped.length)} file${skipped.length > 1 ? "s" : ""} that cannot be used:`);
  // An unreadable folder may hold any number of pictures, so it must not be hidden among the other reasons.
  const groups = groupRefusals(skipped).sort((a, b) => Number(holdsFolder(b)) - Number(holdsFolder(a)));
  for (const { reason, files } of groups.slice(0, limits.reasons)) {
    const name = shortened(escapeControls(files[0].name), limits.nameLength);
    const [first, ...more] = wrapped(
      escapeControls(
        files.length === 1 ? `${name}: ${reason}` : `${grouped(files.length)} × ${reason}; first: ${name}`,
      ),
      widest - 4,
    );
    for (const line of [`  ${first}`, ...more.map((line) => `    ${line}`)]) console.error(line);
  }
  const others = groups.slice(limits.reasons).reduce((sum, { files }) => sum + files.length, 0);
  if (others > 0) console.error(`  ${grouped(others)} for other reasons`);
  if (skipped.length > Math.min(groups.length, limits.reasons)) {
    console.error(escapeControls(`  All names: ${commandLine("prepare", data, "OUT")} lists them.`));
  }
}

const holdsFolder = ({ files }: RefusalGroup) => files[0].name.endsWith("/");

/** Skipped files as events report them. */
export const skippedFacts = (skipped: readonly Refused[]) => ({
  skipped: skipped.length,
  skippedReasons: groupRefusals(skipped).map(({ reason, files }) => ({ reason, count: files.length })),
});

/** Shortens a name at its beginning: the end says more. */
function shortened(name: string, length: number): string {
  const characters = [...name];
  return characters.length <= length ? name : `…${characters.slice(1 - length).join("")}`;
}

export function warn(text: string): void {
  console.error(escapeControls(`catgan: warning: ${text}`));
}

function flopsText(flops: number): string {
  return flops >= 1e12 ? `${(flops / 1e12).toFixed(2)} TFLOP` : `${(flops / 1e9).toPrecision(3)} GFLOP`;
}

/** `catgan bench`: times the kernels and whole steps, and compares them with what this adapter can do. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Spread, spreadOf } from "../../bench/arithmetic.ts";
import { type BenchHooks, runBench, select } from "../../bench/bench.ts";
import {
  caseLine,
  changeLines,
  changes,
  denseHeading,
  denseLine,
  digits,
  groupHeading,
  heapLine,
  legend,
  parseReport,
  type Report,
  readmeBlock,
  slugOf,
  stepHeading,
  stepLine,
  withBlock,
} from "../../bench/report.ts";
import { version } from "../../package.json";
import type { Gpu } from "../gpu/gpu.ts";
import { autotune, choicesOf, rateOf } from "../train/autotune.ts";
import type { Measured } from "../train/choose_variants.ts";
import { presets } from "../train/config.ts";
import { planTraining } from "../train/plan.ts";
import { openAdapter } from "./adapter.ts";
import type { BenchCommand } from "./commands/bench.ts";
import { writeFileAtomically } from "./files.ts";
import { Reporter, wrapped } from "./progress.ts";
import { outerEnvironment } from "./software_adapters.ts";
import { asUserError, UserError } from "./user_error.ts";

const { deno, node } = process.versions;
const runtime = deno ? `Deno ${deno}` : `Node ${node}`;
const resultsFolder = join("bench", "results");
const readmeFile = "README.md";
/** How often the first step is measured, after one warm-up. */
const starts = 3;

/**
 * Prints tables, and writes the results where --json, --save and --readme say.
 * @returns the exit code: 1 when a kernel computes something wrong
 * @throws UserError before anything is measured, if a file is missing or no case matches the filter
 */
export async function benchCommand(options: BenchCommand): Promise<number> {
  const { filter, quick, compare, readme } = options;
  const save = options.save || readme;
  const before = compare === null ? null : await readReport(compare);
  if (save) await checkProjectFolder();
  const reporter = new Reporter(process.stdout, false);
  const gpu = await openAdapter(options.adapter);
  try {
    const { software, limits } = gpu;
    reporter.line();
    reporter.line(`  ${reporter.bold("catgan bench")} ${version} on ${gpu.name}${software ? ", in software" : ""}`);
    reporter.line();
    if (options.variants) return await showVariants(gpu, options.json, reporter);

    const chosen = select({ software, bindingBytes: limits.bindingBytes }, options);
    if (chosen.cases.length + chosen.presets.length === 0 && !chosen.dense && !chosen.firstStep) {
      throw new UserError(`--filter ${filter}: no case has this in its name; try conv2d, d.conv2 or step`);
    }
    const result = await runBench(gpu, options, hooksFor(reporter));
    const firstStep = chosen.firstStep ? await measureStart(options.adapter, reporter) : null;
    reporter.clear();
    reporter.line();
    for (const line of legend) reporter.line(line && `  ${reporter.dim(line)}`);
    const report: Report = {
      catgan: version,
      runtime,
      date: new Date().toISOString(),
      adapter: gpu.name,
      software,
      quick,
      filter,
      ...result,
      firstStep,
    };
    if (before !== null) showChanges(before, report, reporter);
    await keep(report, { ...options, save }, reporter);
    const wrong = report.cases.filter((one) => one.wrong !== null);
    reporter.line();
    if (wrong.length > 0) {
      for (const one of wrong) {
        for (const line of wrapped(`${one.name} ${one.shape}: ${one.wrong}`, 78)) reporter.line(`  ${line}`);
      }
      reporter.line(`  ${wrong.length} of ${report.cases.length} kernels are wrong.`);
      return 1;
    }
    return 0;
  } finally {
    reporter.clear();
    gpu.destroy();
  }
}

async function readReport(path: string): Promise<Report> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    throw new UserError(`${path}: cannot be read; expected a file written by catgan bench --json FILE`);
  }
  return asUserError(() => {
    try {
      return parseReport(text);
    } catch (error) {
      throw new Error(`${path}: ${(error as Error).message}`);
    }
  });
}

/** @throws UserError when this is not the project's folder */
async function checkProjectFolder(): Promise<void> {
  const readme = await readFile(readmeFile, "utf8").catch(() => null);
  if (readme === null)
    throw new UserError("--save and --readme write to bench/results: run them in the project's folder");
  asUserError(() => withBlock(readme, ""));
}

function hooksFor(reporter: Reporter): BenchHooks {
  let group = "";
  let firstStep = true;
  return {
    onProgress: (what, done, of) => reporter.preparing(what, done, of),
    onCeilings({ gflops, gbps }, scale) {
      const spread = ({ p10, p90 }: Spread) => `(${digits(p10)}–${digits(p90)})`;
      reporter.fact("multiply-adds", `${digits(gflops.median)} GFLOP/s ${spread(gflops)} in a plain loop`);
      reporter.fact("copy", `${digits(gbps.median)} GB/s ${spread(gbps)}, read and written`);
      if (scale !== null) reporter.fact("shapes", scale);
    },
    onCase(result) {
      if (result.group !== group) {
        group = result.group;
        reporter.line();
        reporter.line(reporter.bold(groupHeading(result)));
      }
      reporter.line(caseLine(result));
    },
    onStep(result) {
      if (firstStep) {
        reporter.line();
        reporter.line(reporter.bold(stepHeading));
        firstStep = false;
      }
      reporter.line(stepLine(result));
      if (result.leftOut !== null) {
        for (const line of wrapped(result.leftOut, 74)) reporter.line(reporter.dim(`    ${line}`));
      }
    },
    onSteps(results) {
      const line = heapLine(results);
      if (line !== null) reporter.line(line);
    },
    onDense(results) {
      reporter.line();
      reporter.line(reporter.bold(denseHeading));
      for (const result of results) reporter.line(denseLine(result));
    },
  };
}

/** Milliseconds from the start of a process to the end of the first step of `tiny`, as a user at a prompt experiences it. */
async function measureStart(adapter: string, reporter: Reporter): Promise<Spread> {
  const folder = await mkdtemp(join(tmpdir(), "catgan-bench-"));
  try {
    const samples: number[] = [];
    for (let i = 0; i <= starts; i++) {
      reporter.preparing("first step of a new process", i, starts + 1);
      const ms = await timeStart(adapter, join(folder, String(i)));
      // The first fills caches: the unpacked adapter, the chosen variants, the files.
      if (i > 0) samples.push(ms);
    }
    reporter.clear();
    const ms = spreadOf(samples);
    reporter.line();
    reporter.line(
      `  ${reporter.bold("first step")}    ${digits(ms.median / 1000)} s from a process's start to the end of tiny's first step`,
    );
    return ms;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function timeStart(adapter: string, out: string): Promise<number> {
  const train = ["train", "--preset", "tiny", "--steps", "1", "--sample-every", "0", "--json"];
  const words = [...process.execArgv, process.argv[1], ...train, "--out", out, "--adapter", adapter];
  const start = performance.now();
  const child = spawn(process.execPath, words, { env: outerEnvironment(), stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  let took: number | null = null;
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    if (took === null && output.includes('"event":"step"')) took = performance.now() - start;
  });
  const code = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (took === null || code !== 0)
    throw new Error(`bench: the first step failed with exit code ${code}: ${errors.trim()}`);
  return took;
}

function showChanges(before: Report, now: Report, reporter: Reporter): void {
  reporter.line();
  if (before.adapter !== now.adapter) reporter.line(`  The earlier result is from ${before.adapter}.`);
  const all = changes(before, now);
  if (all.length === 0) reporter.line("  Nothing was timed at the same shape in the old result.");
  else for (const line of changeLines(all)) reporter.line(line);
}

/** Writes the report wherever the options say. */
async function keep(report: Report, { json, save, readme }: BenchCommand, reporter: Reporter): Promise<void> {
  const text = `${JSON.stringify(report, null, 2)}\n`;
  if (json !== null) await writeFileAtomically(json, text);
  if (!save) return;
  await mkdir(resultsFolder, { recursive: true });
  const path = join(resultsFolder, `${slugOf(report.adapter)}.json`);
  await writeFileAtomically(path, text);
  reporter.line();
  reporter.line(`  Saved to ${path}.`);
  if (!readme) return;
  // The results of bench/peers are in the same folder, under names that no adapter's slug begins with.
  const isReport = (file: string) => file.endsWith(".json") && !/^(peers|pytorch)-/.test(file);
  const files = (await readdir(resultsFolder)).filter(isReport).sort();
  const reports = await Promise.all(files.map((file) => readReport(join(resultsFolder, file))));
  await writeFileAtomically(readmeFile, withBlock(await readFile(readmeFile, "utf8"), readmeBlock(reports)));
  reporter.line(`  ${readmeFile} shows the results of ${reports.length} adapter${reports.length > 1 ? "s" : ""}.`);
}

/** Every candidate's time for every convolution of the preset that suits the adapter. @param json a file for the choices */
async function showVariants(gpu: Gpu, json: string | null, reporter: Reporter): Promise<number> {
  const preset = gpu.software ? "tiny" : "article";
  const { convolutions } = await planTraining(presets[preset], { ...gpu.limits, software: gpu.software });
  const measurements = await autotune(gpu, convolutions, {
    onProgress: (done, of) => reporter.preparing(`convolutions of ${preset}`, done, of),
  });
  reporter.clear();
  reporter.line(
    `  ${reporter.bold(`convolutions of ${preset}`)}: milliseconds of every variant that fits, the chosen one first`,
  );
  for (const { key, images, candidates, best } of measurements) {
    reporter.line();
    reporter.line(`  ${key}, ${images} image${images > 1 ? "s" : ""}`);
    const sorted = [...candidates].sort((a, b) => Number(b.text === best) - Number(a.text === best) || a.ms - b.ms);
    // No-break spaces keep a variant and its time together.
    const words = sorted.map(({ text, ms }) => `${text}:\u00a0${digits(ms)}`.replaceAll(" ", "\u00a0"));
    for (const line of wrapped(words.join("; "), 76)) reporter.line(`    ${line}`);
  }
  if (json !== null) {
    const measured: Measured = { rate: rateOf(measurements), choices: Object.fromEntries(choicesOf(measurements)) };
    await writeFileAtomically(json, `${JSON.stringify(measured, null, 1)}\n`);
    reporter.line();
    reporter.line(`  Saved to ${json}: use it with catgan train --variants ${json}.`);
  }
  return 0;
}

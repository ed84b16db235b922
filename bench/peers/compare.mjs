// The same DCGAN training step, and the same three convolution passes, in catgan, TensorFlow.js and jax-js: one process
// each, on the same adapter, taking turns, checked to compute the same numbers. README.md says how to read the result.

import { fork } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runnerImport } from "vite";
import { presets } from "../../dist/index.js";

const usage = `usage: npm run compare -- [options]
  --adapter software|auto  SwiftShader, or whatever Dawn finds first (default auto)
  --peers LIST             of tfjs,jaxjs (default both)
  --steps N                measured steps of each, after the first (default 5)
  --rounds N               measured rounds of each convolution (default 5)
  --quick                  one step, one round
  --robustness off|on|as-shipped
                           Dawn's own guard of every array index, on the software adapter:
                           for nobody (default), for all, or as each comes: catgan's
                           command line switches it off, the others do not`;

const root = new URL("../../", import.meta.url);
const source = async (path) => (await runnerImport(fileURLToPath(new URL(`src/${path}`, root)))).module;

/** `tiny`, with a narrower discriminator and without a penalty, so that every framework can compute it. */
const config = { ...presets.tiny, baseD: 8, r1: 0 };
const pictureCount = 256;
const convolution = { x: [16, 16, 16, 64], weight: [5, 5, 64, 128], dy: [16, 8, 8, 128], stride: 2 };
/** Taps on the padding included. */
const convolutionFlops = 2 * 16 * 8 * 8 * 128 * 25 * 64;
/** A measured round of one operation is repeated until it lasts at least this many seconds. */
const shortestRound = 0.3;
// Orders of sums differ, and nothing else should: step 1 shows both networks' forward passes and D's gradients, step 2
// G's. Seen with TensorFlow.js: 1e-7. A wrong filter gradient of one layer: 4e-4.
const tolerance = { loss: 2e-5, operation: 1e-4 };
const checkedSteps = 2;

const versionOf = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")).version;
const labels = {
  ours: `catgan ${versionOf("../../package.json")}`,
  tfjs: `TF.js ${versionOf("node_modules/@tensorflow/tfjs-backend-webgpu/package.json")}`,
  jaxjs: `jax-js ${versionOf("node_modules/@jax-js/jax/package.json")}`,
};

const passes = { forward: "forward", inputGradient: "input gradient", filterGradient: "filter gradient" };

/** A child process that answers one request at a time. */
class Peer {
  constructor(name, env, flags) {
    this.name = name;
    /** What was measured, by what was done: wall and CPU seconds of each. */
    this.times = { step: [], forward: [], inputGradient: [], filterGradient: [] };
    this.failures = {};
    this.waiting = new Map([[0, {}]]);
    this.ready = new Promise((resolve, reject) => this.waiting.set(0, { resolve, reject }));
    this.next = 1;
    this.process = fork(fileURLToPath(new URL("child.mjs", import.meta.url)), [name], {
      env: { ...process.env, ...env, PEER_DAWN_FLAGS: JSON.stringify(flags) },
      serialization: "advanced",
    });
    this.process.on("message", ({ id, result, error }) => {
      const { resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    });
    this.process.on("exit", (code, signal) => {
      for (const { reject } of this.waiting.values()) reject(new Error(`the process ended: ${signal ?? code}`));
    });
  }

  ask(name, argument) {
    return new Promise((resolve, reject) => {
      const id = this.next++;
      this.waiting.set(id, { resolve, reject });
      this.process.send({ id, name, argument });
    });
  }

  /** For work that a peer other than ours may be unable to do: the error is kept, and reported at the end. */
  async try(what, work) {
    if (this.name === "ours") return await work();
    if (this.failures[what]) return null;
    try {
      return await work();
    } catch (error) {
      this.failures[what] = error.message.split("\n")[0];
      console.error(`${this.name}, ${what}: ${error.message}`);
      return null;
    }
  }
}

async function main() {
  const { values: options } = parseArgs({
    options: {
      adapter: { type: "string", default: "auto" },
      peers: { type: "string", default: "tfjs,jaxjs" },
      steps: { type: "string", default: "5" },
      rounds: { type: "string", default: "5" },
      quick: { type: "boolean", default: false },
      robustness: { type: "string", default: "off" },
      help: { type: "boolean", default: false },
    },
  });
  if (options.help) return console.log(usage);
  if (!["auto", "software"].includes(options.adapter)) throw new Error(usage);
  if (!["off", "on", "as-shipped"].includes(options.robustness)) throw new Error(usage);
  const steps = options.quick ? 1 : wholeNumber("--steps", options.steps);
  const rounds = options.quick ? 1 : wholeNumber("--rounds", options.rounds);

  const { robustness } = options;
  const load = { before: loadavg()[0] };
  const { env, flags } = await adapterSettings(options);
  const names = ["ours", ...options.peers.split(",").filter(Boolean)];
  const peers = names.map((name) => new Peer(name, env, name === "ours" ? flags.ours : flags.others));
  const [, ...others] = peers;
  try {
    await Promise.all(peers.map(({ ready }) => ready));
    for (const peer of peers) peer.adapter = await peer.ask("adapter");
    const adapters = new Set(peers.map(({ adapter }) => adapter));
    if (adapters.size > 1) throw new Error(`the peers ran on different adapters: ${[...adapters].join(", ")}`);
    const agreement = { ...(await compareSteps(peers, steps)), operations: await compareOperations(peers, rounds) };
    load.after = loadavg()[0];
    const report = makeReport(peers, { flags, steps, rounds, agreement, robustness, load });
    console.log(`\n${table(report)}`);
    const path = save(report);
    console.log(`\nwrote ${path}`);
    if (!others.some(({ name, failures }) => !failures.step && report.disagreements[name].length === 0)) {
      throw new Error("no peer computed catgan's numbers: the times do not measure the same work");
    }
  } finally {
    for (const peer of peers) if (peer.process.connected) peer.process.disconnect();
  }
}

function wholeNumber(option, text) {
  const number = Number(text);
  if (!(Number.isInteger(number) && number >= 1)) throw new Error(`${option}: ${text}, expected a whole number from 1`);
  return number;
}

/** The children's environment, and the Dawn flags of catgan's and of the others. */
async function adapterSettings({ adapter, robustness }) {
  const { softwareEnvironment, mayHaveGpu } = await source("cli/adapter.ts");
  const software = adapter === "software" || !mayHaveGpu();
  const env = software ? softwareEnvironment() : {};
  if (env === null) throw new Error("no software adapter: run npm ci in the project's root first");
  if (!software) return { env, flags: { ours: [], others: [] } };
  const guarded = ["backend=vulkan"];
  const unguarded = [...guarded, "enable-dawn-features=disable_robustness"];
  const flags = {
    ours: robustness === "on" ? guarded : unguarded,
    others: robustness === "off" ? unguarded : guarded,
  };
  return { env, flags };
}

// ---- training steps ----

/** Round 0 compiles and is the check; every later one is measured. @returns the losses of step 1 and of the last one */
async function compareSteps(peers, steps) {
  const { uniform } = await source("random/philox.ts");
  const { purposes } = await source("random/noise_key.ts");
  const [ours, ...others] = peers;
  const start = await ours.ask("begin", { config, pictureCount });
  for (const peer of others) await peer.try("step", () => peer.ask("begin", { config, start }));
  for (const peer of peers) peer.losses = [];

  for (let step = 1; step <= 1 + steps; step++) {
    const key = { seed: config.seed, purpose: purposes.latent, step };
    const z = Float32Array.from(uniform(config.batch * config.z, key, -1, 1));
    const real = await ours.ask("pictures", step);
    for (const peer of inTurn(peers, step)) {
      const answer = await peer.try("step", () => peer.ask("step", { step, z, real }));
      if (!answer) continue;
      const { seconds, cpuSeconds, dLoss, gLoss, dispatches } = answer;
      peer.losses.push({ dLoss, gLoss });
      peer.dispatches = dispatches;
      if (step === 1) peer.firstStep = seconds;
      else peer.times.step.push({ seconds, cpuSeconds });
      progress(`step ${step} of ${1 + steps}: ${peer.name} ${seconds.toFixed(2)} s, losses ${dLoss} ${gLoss}`);
    }
  }
  for (const peer of peers) {
    peer.memory = await peer.ask("memory");
    if (!peer.failures.step) await peer.ask("endTraining");
  }
  return { losses: Object.fromEntries(peers.map(({ name, losses }) => [name, losses])) };
}

/** Rotates the order from round to round, so that a machine that warms up or slows down affects all alike. */
function inTurn(list, round) {
  const first = round % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
}

// ---- convolutions ----

/** @returns for each pass and peer, the largest difference from ours over the largest of ours */
async function compareOperations(peers, rounds) {
  const { stride, ...shapes } = convolution;
  const inputs = { stride };
  for (const [i, [name, shape]] of Object.entries(shapes).entries()) inputs[name] = { shape, values: noise(shape, i) };
  for (const peer of peers) await peer.try("operations", () => peer.ask("beginOperations", inputs));

  const differences = {};
  for (const pass of Object.keys(passes)) {
    differences[pass] = {};
    let expected = null;
    for (const peer of peers) {
      await peer.try(pass, async () => {
        await peer.ask("operation", { name: pass, repeats: 1 });
        const result = await peer.ask("operationResult", pass);
        expected ??= result;
        differences[pass][peer.name] = relativeDifference(result, expected);
        const { seconds } = await peer.ask("operation", { name: pass, repeats: 1 });
        peer.repeats = { ...peer.repeats, [pass]: Math.min(1000, Math.ceil(shortestRound / seconds)) };
      });
    }
    for (let turn = 0; turn < rounds; turn++) {
      for (const peer of inTurn(peers, turn)) {
        await peer.try(pass, async () => {
          const repeats = peer.repeats[pass];
          const round = await peer.ask("operation", { name: pass, repeats });
          const seconds = round.seconds / repeats;
          peer.times[pass].push({ seconds, cpuSeconds: round.cpuSeconds / repeats });
          progress(`${passes[pass]}, round ${turn + 1} of ${rounds}: ${peer.name} ${seconds.toFixed(3)} s`);
        });
      }
    }
  }
  return differences;
}

/** Numbers in [−1, 1), the same every time (a Weyl sequence: multiples of an irrational number, modulo 1). */
function noise(shape, which) {
  const count = shape.reduce((product, n) => product * n, 1);
  const stride = [Math.SQRT2, Math.sqrt(3), Math.sqrt(5)][which];
  return Float32Array.from({ length: count }, (_, i) => 2 * ((((i + 1) * (i % 61) + i) * stride) % 1) - 1);
}

function relativeDifference(values, expected) {
  let largest = 0;
  let difference = 0;
  for (const [i, value] of expected.entries()) {
    largest = Math.max(largest, Math.abs(value));
    difference = Math.max(difference, Math.abs(value - values[i]));
  }
  return values.length === expected.length ? difference / largest : Number.POSITIVE_INFINITY;
}

// ---- the report ----

function makeReport(peers, { flags, steps, rounds, agreement, robustness, load }) {
  const [ours, ...others] = peers;
  const options = process.argv.slice(2).join(" ");
  const stepOf = ({ times, firstStep, memory, dispatches }) => ({
    ...spreads(times.step),
    firstStepSeconds: firstStep ?? null,
    peakGpuBytes: memory.peakBytes,
    ownCountOfGpuBytes: memory.own,
    dispatches: dispatches ?? null,
  });
  const operationsOf = ({ times }) =>
    Object.fromEntries(
      Object.keys(passes).map((pass) => {
        const { seconds, cpuSeconds } = spreads(times[pass]);
        return [pass, { seconds, cpuSeconds, gflops: seconds && convolutionFlops / seconds.median / 1e9 }];
      }),
    );
  const ratios = (other, clock) =>
    Object.fromEntries(
      Object.keys(ours.times).map((measure) => {
        const [a, b] = [other, ours].map(({ times }) => spreads(times[measure])[clock]?.median);
        return [measure, a && b ? a / b : null];
      }),
    );
  const ratiosOfAll = (clock) => Object.fromEntries(others.map((peer) => [peer.name, ratios(peer, clock)]));
  return {
    date: new Date().toISOString().slice(0, 10),
    command: `npm run compare${options && ` -- ${options}`}`,
    adapter: ours.adapter,
    dawnFlags: flags,
    robustness,
    cpu: cpus()[0].model,
    cores: cpus().length,
    /** Over the last minute, before and after: on a software adapter, other processes take their share. */
    loadAverage: load,
    versions: {
      node: process.versions.node,
      webgpu: versionOf("../../node_modules/webgpu/package.json"),
      ...Object.fromEntries(peers.map(({ name }) => [name, labels[name]])),
    },
    configuration: config,
    measured: { steps, rounds },
    convolution: { ...convolution, flops: convolutionFlops },
    peers: Object.fromEntries(
      peers.map((peer) => [peer.name, { step: stepOf(peer), operations: operationsOf(peer), failures: peer.failures }]),
    ),
    /** The peer's median over ours: how many times faster ours is. */
    timesFaster: ratiosOfAll("seconds"),
    timesLessCpu: ratiosOfAll("cpuSeconds"),
    agreement,
    disagreements: disagreements(others, ours, agreement),
  };
}

/** Of a list of { seconds, cpuSeconds }; null where nothing was measured. */
function spreads(times) {
  const [seconds, cpuSeconds] = ["seconds", "cpuSeconds"].map((clock) => spread(times.map((time) => time[clock])));
  return { seconds, cpuSeconds };
}

function spread(values) {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1), values };
}

/** Results that differ from ours. @returns lines of text by peer */
function disagreements(others, ours, { operations }) {
  const found = {};
  for (const { name, losses } of others) {
    found[name] = [];
    for (const [i, step] of losses.slice(0, checkedSteps).entries()) {
      for (const loss of ["dLoss", "gLoss"]) {
        const difference = Math.abs(step[loss] - ours.losses[i][loss]);
        if (!(difference <= tolerance.loss))
          found[name].push(`${loss} of step ${i + 1}: ${difference.toPrecision(2)} away`);
      }
    }
    for (const [pass, differences] of Object.entries(operations)) {
      if (name in differences && !(differences[name] <= tolerance.operation)) {
        found[name].push(`${passes[pass]}: ${differences[name].toPrecision(2)} of the largest away`);
      }
    }
  }
  return found;
}

/** At most 80 columns. */
function table({ adapter, cpu, cores, robustness, versions, peers, timesFaster, disagreements, date, measured }) {
  const lines = [
    `${adapter}, ${cores} cores of ${cpu}`.slice(0, 80),
    `Node ${versions.node}, Dawn ${versions.webgpu}, robustness ${robustness}`,
    `${date}, medians of ${measured.steps} steps and ${measured.rounds} rounds`,
    "",
    "training step, 32x32, batch 16, base channels 8 and 8",
    row("", ["s", "min–max", "CPU s", "first s", "MiB", "dispatches", "ours is"]),
  ];
  for (const [name, { step }] of Object.entries(peers)) {
    const { firstStepSeconds, peakGpuBytes, dispatches } = step;
    const rest = [number(firstStepSeconds), number(peakGpuBytes / 2 ** 20), dispatches ?? "–"];
    lines.push(row(versions[name], [...timeCells(step), ...rest, times(timesFaster[name]?.step)]));
  }
  for (const [pass, title] of Object.entries(passes)) {
    lines.push("", `convolution [16,16,16,64] -> 128, 5x5, stride 2: ${title}`);
    lines.push(row("", ["s", "min–max", "CPU s", "GFLOP/s", "", "", "ours is"]));
    for (const [name, { operations }] of Object.entries(peers)) {
      const rest = [number(operations[pass].gflops), "", ""];
      lines.push(row(versions[name], [...timeCells(operations[pass]), ...rest, times(timesFaster[name]?.[pass])]));
    }
  }
  for (const [name, peer] of Object.entries(peers)) {
    const notes = [
      ...(disagreements[name] ?? []),
      ...Object.entries(peer.failures).map(([what, error]) => `${what} failed: ${error}`),
    ];
    if (notes.length > 0) lines.push("", `${versions[name]} does not compute catgan's numbers:`);
    for (const note of notes) lines.push(`  ${note}`.slice(0, 80));
  }
  return lines.join("\n");
}

function timeCells({ seconds, cpuSeconds }) {
  const range = seconds ? `${number(seconds.min)}–${number(seconds.max)}` : "–";
  return [number(seconds?.median), range, number(cpuSeconds?.median)];
}

function row(name, cells) {
  const widths = [8, 14, 8, 8, 7, 11, 9];
  return `${name.padEnd(14)}${cells.map((cell, i) => String(cell).padStart(widths[i])).join("")}`.trimEnd();
}

function number(value) {
  return value == null ? "–" : value.toPrecision(3);
}

function times(ratio) {
  return ratio == null ? "" : `${ratio.toPrecision(3)}×`;
}

function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text.slice(0, 79)}`);
  else console.error(text);
}

function save(report) {
  const slug = report.adapter
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  const folder = new URL("bench/results/", root);
  mkdirSync(folder, { recursive: true });
  const file = `peers-${slug}-robustness-${report.robustness}.json`;
  writeFileSync(new URL(file, folder), `${JSON.stringify(report, null, 2)}\n`);
  return `bench/results/${file}`;
}

await main();

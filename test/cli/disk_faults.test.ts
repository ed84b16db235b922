/**
 * A short run while the disk fails: each of its calls once, and a power cut after each (`npm test` samples them, `npm run
 * fuzz` tries all). Whatever happens, there is one clear message at most, every checkpoint that was announced is there, and a resumed run reaches the numbers of one that
 * nothing ever happened to.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { readCheckpoint } from "../../src/cli/checkpoint_files.ts";
import type { NewRun, ResumedRun } from "../../src/cli/commands/train.ts";
import { parseCommand } from "../../src/cli/commands.ts";
import { trainCommand } from "../../src/cli/train.ts";
import { UserError } from "../../src/cli/user_error.ts";
import { crc32 } from "../../src/data/crc32.ts";
import { DivergedError } from "../../src/train/diverged.ts";
import { decodeSafetensors } from "../../src/train/safetensors.ts";
import { fuzzing, sampled, sampleOf } from "../fuzz/fuzz.ts";
import { disk, failure, materialise, settleDisk, snapshot } from "./faulty_disk.ts";
import { writePictures } from "./program.ts";

vi.mock("node:fs/promises", async (original) => (await import("./faulty_disk.ts")).watched(await original()));

vi.mock("../../src/cli/adapter.ts", async (original) =>
  (await import("../shared_device.ts")).withSharedDevice(await original()),
);

// Grids are not enlarged: enlarging and compressing them would take most of the time.
vi.mock("../../src/data/image.ts", async (original) => ({
  ...(await original<typeof import("../../src/data/image.ts")>()),
  scaled: (image: unknown) => image,
}));

/** A run can be made to diverge once, at a step. */
const diverges = vi.hoisted(() => ({ at: 0 }));
vi.mock("../../src/cli/run_output.ts", async (original) => {
  const real = await original<typeof import("../../src/cli/run_output.ts")>();
  return {
    ...real,
    outputHooks(...args: Parameters<typeof real.outputHooks>) {
      const hooks = real.outputHooks(...args);
      const onRecords: typeof hooks.onRecords = async (records) => {
        await hooks.onRecords(records);
        if (!records.some(({ step }) => step === diverges.at)) return;
        diverges.at = 0;
        throw new DivergedError("training diverged");
      };
      return { ...hooks, onRecords };
    },
  };
});

const codes = ["ENOSPC", "EIO", "EACCES", "EROFS"];
/** In `npm run fuzz` every call fails, in each way; in `npm test` some do, in one of them. */
const codesOf = (call: number) => (fuzzing ? codes : [codes[call % codes.length]]);
const callsInTests = 16;
const steps = 4;
const network = "--size 16 --base 1 --base-d 1 --z 2 --kernel 3 --batch 8 --r1-every 2".split(" ");
// 9 pictures are one batch: a checkpoint every step, so that the first is rotated out.
const cadence = "--save-every 1 --sample-every 2".split(" ");

const top = mkdtempSync(join(tmpdir(), "catgan-faults-"));
const photos = join(top, "photos");
const root = join(top, "disk");
const dir = join(root, "runs", "mine");
/** A run that nothing happened to, and one that was stopped half way. */
const whole = join(top, "whole");
const half = join(top, "half");

const trainLine = (out: string, length: number) => [
  ..."train --adapter software --preset tiny --variants table --json".split(" "),
  ...network,
  ...cadence,
  ...["--data", photos, "--steps", String(length), "--out", out],
];
const resumeLine = (run: string) => `train --adapter software --json --resume ${run} --steps ${steps}`.split(" ");

interface Outcome {
  /** Null when it ended with a message. */
  code: number | null;
  message: string | null;
  warnings: string[];
  /** Steps of the checkpoints that were announced. */
  announced: number[];
}

async function run(line: string[], onAnnounced: (step: number) => void = () => {}): Promise<Outcome> {
  const outcome: Outcome = { code: null, message: null, warnings: [], announced: [] };
  const out = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    for (const event of String(text)
      .split("\n")
      .filter(Boolean)
      .map((one) => JSON.parse(one))) {
      if (event.event !== "checkpoint") continue;
      outcome.announced.push(event.step);
      onAnnounced(event.step);
    }
    return true;
  });
  const err = vi.spyOn(console, "error").mockImplementation((text) => void outcome.warnings.push(String(text)));
  try {
    outcome.code = await trainCommand(parseCommand(line) as NewRun | ResumedRun);
  } catch (error) {
    // Anything else than a message for people is a defect, with a stack.
    if (!(error instanceof UserError)) throw error;
    outcome.message = error.message;
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
  return outcome;
}

function watch(): void {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(join(root, "runs"), { recursive: true });
}

/** A lock as it is found when its process is gone; here it is this one, which lives on. */
function afterRestart(lock: string): void {
  if (!existsSync(lock)) return;
  writeFileSync(lock, readFileSync(lock, "utf8").replace(/"system":"[^"]*"/, '"system":"before the power cut"'));
  utimesSync(lock, 0, 0);
}

function unwatch(): void {
  disk.root = disk.before = disk.after = null;
}

/** The end of a run: its parameters and moments, its table without the times, its grids. */
function endOf(run: string) {
  const path = join(run, "checkpoints", `step-00000${steps}.safetensors`);
  const { tensors } = decodeSafetensors(readFileSync(path));
  const losses = readFileSync(join(run, "losses.csv"), "utf8").trimEnd().split("\n");
  return {
    tensors: Object.fromEntries([...tensors].map(([name, { data }]) => [name, crc32(new Uint8Array(data.buffer))])),
    losses: losses.map((line) => line.slice(0, line.lastIndexOf(","))),
  };
}

/** Resumes, from the beginning where there is nothing yet, and compares the end. */
async function expectSameEnd(
  run_: string,
  what: string,
  table: "whole table" | "any table" = "whole table",
): Promise<void> {
  afterRestart(join(run_, "run.lock"));
  const isRun = existsSync(join(run_, "config.json"));
  const { code, message } = await run(isRun ? resumeLine(run_) : trainLine(run_, steps));
  if (message !== null) expect(message, what).toContain(`is at step ${steps} of ${steps} already`);
  else expect(code, what).toBe(0);
  const [end, expected] = [endOf(run_), endOf(whole)];
  expect(end.tensors, what).toEqual(expected.tensors);
  if (table === "whole table") expect(end.losses, what).toEqual(expected.losses);
  else expect(expected.losses, what).toEqual(expect.arrayContaining(end.losses));
  const left = readdirSync(run_, { recursive: true }).filter((name) => String(name).endsWith(".tmp"));
  expect(left, what).toEqual([]);
}

beforeAll(async () => {
  writePictures(photos, 9);
  expect((await run(trainLine(whole, steps))).code).toBe(0);
  expect((await run(trainLine(half, 2))).code).toBe(0);
});

afterEach(unwatch);
afterAll(() => rmSync(top, { recursive: true, force: true }));

test("a grid that was not drawn before the process was killed is drawn when the run resumes", async () => {
  watch();
  cpSync(half, dir, { recursive: true });
  rmSync(join(dir, "samples", "step-000002.png"));
  await expectSameEnd(dir, "a missing grid");
  for (const name of ["step-000002.png", "step-000004.png"]) {
    const [drawn, expected] = [dir, whole].map((run_) => readFileSync(join(run_, "samples", name)));
    expect(drawn.equals(expected), name).toBe(true);
  }
});

type Scenario = [what: string, prepare: () => void, line: () => string[]];
const scenarios: Scenario[] = [
  ["a new run", () => {}, () => trainLine(dir, steps)],
  // With metrics, which take most of a run's time, only here.
  ["a resumed run", () => cpSync(half, dir, { recursive: true }), () => [...resumeLine(dir), "--metrics-every", "3"]],
];

test.each(scenarios)("%s: every call to the disk fails once", { timeout: 1_800_000 }, async (what, prepare, line) => {
  /** A life in which a call may fail. */
  const live = async (before: typeof disk.before) => {
    watch();
    prepare();
    settleDisk(root);
    disk.before = before;
    const outcome = await run(line());
    unwatch();
    return outcome;
  };
  // The first run compiles. A slow one makes more calls, since its lock is renewed: they need not come again.
  await live(null);
  let [calls, tried] = [0, 0];
  await live(() => void calls++);
  expect(calls).toBeGreaterThan(60);
  for (const n of sampled(calls, callsInTests)) {
    for (const code of codesOf(n)) {
      let count = 0;
      let failed = "";
      const { message, announced, warnings } = await live(({ name, path }) => {
        if (count++ !== n) return;
        failed = `${what}: call ${n}, ${name} ${path.slice(root.length)}, fails with ${code}`;
        throw failure(code);
      });
      if (failed === "") continue;
      tried++;
      if (message !== null) expect(message, failed).toMatch(/^[^\n]{1,400}$/);
      for (const warning of warnings) expect(warning, failed).toMatch(/^catgan: warning: [^\n]{1,500}$/);
      // Nothing is said twice.
      expect(new Set(warnings).size, failed).toBe(warnings.length);
      const newest = announced.at(-1);
      if (newest !== undefined) {
        const found = await readCheckpoint(dir);
        expect(Number(found.metadata.step), failed).toBeGreaterThanOrEqual(newest);
        expect(found.warning, failed).toBeNull();
      }
      await expectSameEnd(dir, failed);
    }
  }
  expect(tried).toBeGreaterThanOrEqual(callsInTests);
});

test("a run that goes back: every call to the disk fails once", { timeout: 1_800_000 }, async () => {
  const goesBack = async (before: typeof disk.before) => {
    watch();
    cpSync(half, dir, { recursive: true });
    settleDisk(root);
    diverges.at = 3;
    disk.before = before;
    const outcome = await run(resumeLine(dir));
    unwatch();
    return outcome;
  };
  let [calls, tried] = [0, 0];
  expect((await goesBack(() => void calls++)).warnings).toEqual([
    expect.stringContaining("back to step 2 with half the learning rates"),
  ]);
  expect(calls).toBeGreaterThan(60);
  const expected = endOf(dir);
  for (const n of sampled(calls, callsInTests)) {
    let [count, failed] = [0, ""];
    const { code, message } = await goesBack(({ name, path }) => {
      if (count++ !== n) return;
      failed = `call ${n}, ${name} ${path.slice(root.length)}`;
      throw failure(codes[n % codes.length]);
    });
    if (failed === "") continue;
    tried++;
    // Never back to the beginning: the checkpoints of the first two steps are good, and stay in their places.
    const names = readdirSync(join(dir, "checkpoints")).filter((name) => name.startsWith("step-"));
    expect(names, failed).toEqual(expect.arrayContaining(["step-000002.safetensors"]));
    if (message !== null) expect(message, failed).toMatch(/^[^\n]{1,400}$/);
    else {
      expect(code, failed).toBe(0);
      expect(endOf(dir).tensors, failed).toEqual(expected.tensors);
    }
  }
  expect(tried).toBeGreaterThanOrEqual(callsInTests);
});

test.each(scenarios)("%s: the power goes after any call", { timeout: 1_800_000 }, async (what, prepare, line) => {
  watch();
  prepare();
  settleDisk(root);
  const seen = new Map<string, { after: string; announced: number; state: ReturnType<typeof snapshot> }>();
  let announced = 0;
  disk.after = ({ name, path }) => {
    for (const names of ["synced", "all"] as const) {
      const state = snapshot(names);
      const key = JSON.stringify([[...state.folders].map(([folder, entries]) => [folder, ...entries]), announced]);
      const after = `${what}: power cut after ${name} ${path.slice(root.length)}, names ${names}`;
      if (!seen.has(key)) seen.set(key, { after, announced, state });
    }
  };
  await run(line(), (step) => {
    announced = step;
  });
  unwatch();
  expect(seen.size).toBeGreaterThan(15);
  const states = [...seen.values()];
  for (const { after, announced, state } of sampleOf(states, callsInTests)) {
    rmSync(root, { recursive: true, force: true });
    materialise(state, root, root);
    afterRestart(join(dir, "run.lock"));
    if (announced > 0) {
      const found = await readCheckpoint(dir);
      expect(Number(found.metadata.step), after).toBeGreaterThanOrEqual(announced);
    }
    await expectSameEnd(dir, after);
  }
});

import { expect, test } from "vitest";
import type { Config } from "../../src/train/config.ts";
import { type Attempt, type Failure, maxAttempts, type Problem, Recovery } from "../../src/train/recovery.ts";
import { smallConfig } from "./small_run.ts";

/** A run whose failures are named by the errors: "diverged", "device lost", or anything else. */
class FakeRun {
  step = 0;
  config: Config = { ...smallConfig, lrD: 0.8, lrG: 0.4 };
  readonly attempts: Attempt[] = [];
  /** What goes wrong while the run goes back, one a time. */
  readonly failures: string[] = [];

  explain(error: unknown): Problem & { error: unknown } {
    const failure = ["diverged", "device lost", "out of memory"].includes(String(error)) ? (error as Failure) : null;
    return { failure, error };
  }

  async goBack(attempt: Attempt): Promise<void> {
    this.attempts.push(attempt);
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    this.config = attempt.config;
  }
}

function start() {
  const run = new FakeRun();
  const recovery = new Recovery(run);
  /** @returns what was attempted in short, or the error that ended the run */
  const fail = async (error: string, step: number) => {
    run.step = step;
    run.attempts.length = 0;
    const problem = await recovery.recover(error);
    const tried = run.attempts.map(({ number, back, config }) => [number, back, config.lrD, config.lrG]);
    return problem === null ? tried : [...tried, problem.error];
  };
  return { run, recovery, fail };
}

test("a run that diverges goes back further each time, with half the rates, and is finally given up", async () => {
  const { fail } = start();
  expect(await fail("diverged", 100)).toEqual([[1, 0, 0.4, 0.2]]);
  expect(await fail("diverged", 90)).toEqual([[2, 1, 0.2, 0.1]]);
  expect(await fail("diverged", 95)).toEqual([[3, 2, 0.1, 0.05]]);
  expect(maxAttempts).toBe(3);
  expect(await fail("diverged", 80)).toEqual(["diverged"]);
});

test("a lost device costs only the last steps: the newest checkpoint, the same rates, shorter submits", async () => {
  const { run, fail } = start();
  expect(await fail("device lost", 100)).toEqual([[1, 0, 0.8, 0.4]]);
  expect(run.attempts[0].submitShare).toBe(1 / 2);
  expect(await fail("out of memory", 100)).toEqual([[2, 0, 0.8, 0.4]]);
  expect(run.attempts[0].submitShare).toBe(1 / 4);
  // The first divergence, whatever came before.
  expect(await fail("diverged", 100)).toEqual([[3, 0, 0.4, 0.2]]);
  expect(await fail("device lost", 100)).toEqual(["device lost"]);
});

test("failures are forgiven by a save past the furthest step that failed, and the rates stay", async () => {
  const { recovery, fail } = start();
  await fail("diverged", 100);
  await fail("diverged", 60);
  recovery.saved(100);
  expect(await fail("diverged", 70)).toEqual([[3, 2, 0.1, 0.05]]);
  recovery.saved(101);
  expect(await fail("diverged", 120)).toEqual([[1, 0, 0.05, 0.025]]);
});

test("what fails while the run goes back is another attempt at the same checkpoint, with the same rates", async () => {
  const { run, fail } = start();
  await fail("diverged", 100);
  run.failures.push("device lost");
  expect(await fail("diverged", 100)).toEqual([
    [2, 1, 0.2, 0.1],
    [3, 1, 0.2, 0.1],
  ]);
  run.failures.push("device lost");
  expect(await fail("device lost", 100)).toEqual(["device lost"]);

  const unlucky = start();
  unlucky.run.failures.push("device lost", "device lost", "device lost");
  expect(await unlucky.fail("device lost", 100)).toEqual([
    [1, 0, 0.8, 0.4],
    [2, 0, 0.8, 0.4],
    [3, 0, 0.8, 0.4],
    "device lost",
  ]);
});

test("an error that going back cannot fix ends the run at once, also while it goes back", async () => {
  const { run, fail } = start();
  expect(await fail("the disk is full", 100)).toEqual(["the disk is full"]);
  run.failures.push("no GPU");
  expect(await fail("device lost", 100)).toEqual([[1, 0, 0.8, 0.4], "no GPU"]);
});

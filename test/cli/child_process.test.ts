import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { swiftShaderEnvironment } from "../../src/cli/swiftshader.ts";
import { sampleOf } from "../fuzz/fuzz.ts";
import { eventsOf, start, temporaryFolder, writePictures } from "./program.ts";

const folder = temporaryFolder();
const [small, large] = [join(folder, "small"), join(folder, "large")];
const quick = "--preset tiny --size 16 --base 4 --base-d 4 --batch 4 --z 8 --steps 100000".split(" ");
/** A step takes many seconds. */
const slow = "--preset steady --base-d 64 --batch 13 --steps 1000".split(" ");
// A child is needed only where a software adapter is, and found by /proc.
const hasChild = swiftShaderEnvironment() !== null && existsSync("/proc/self/task");

beforeAll(() => {
  writePictures(small, 4);
  writePictures(large, 13, 1, 64);
});

function childOf(pid: number): number {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  return Number(child);
}

/** A killed process whose new parent has not looked after it yet is a zombie. */
function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

test.runIf(hasChild)("kill -9 of the process ends the child that trains, at once, also in a long step", async () => {
  const dir = join(folder, "killed");
  const { child, onLine, done } = start(["train", ...slow, "--data", large, "--out", dir, "--adapter", "software"]);
  const under = await new Promise<number>((resolve) => {
    onLine((line) => {
      // The first step begins.
      if (line.includes("run folder")) setTimeout(() => resolve(childOf(child.pid!)), 2000);
    });
  });
  expect(isAlive(under)).toBe(true);
  child.kill("SIGKILL");
  const killed = performance.now();
  while (isAlive(under) && performance.now() - killed < 30_000) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(performance.now() - killed).toBeLessThan(2000);
  expect(readdirSync(join(dir, "checkpoints"))).toEqual([]);
  await done;
});

test.each(sampleOf(["SIGINT", "SIGTERM", "SIGHUP"] as const))("%s finishes the step and saves it", async (signal) => {
  const dir = join(folder, signal);
  const { child, onLine, done } = start(["train", ...quick, "--data", small, "--out", dir, "--json"]);
  onLine((line) => {
    const { event, step } = JSON.parse(line);
    if (event === "step" && step === 4) child.kill(signal);
  });
  const result = await done;
  expect(result).toMatchObject({ code: 128 + constants.signals[signal], stderr: "" });
  const { step, ...last } = eventsOf(result).at(-1)!;
  expect(last).toEqual({ event: "end", run: dir, stopped: true });
  expect(readdirSync(join(dir, "checkpoints"))).toContain(`step-${String(step).padStart(6, "0")}.safetensors`);
});

test("a hang-up stops the run, which is saved, even under nohup: Node resets the ignored signal", async () => {
  const dir = join(folder, "nohup");
  const program = [process.execPath, "dist/catgan.mjs", "train", ...quick, "--data", small, "--out", dir, "--json"];
  // As nohup does it.
  const child = spawn("sh", ["-c", 'trap "" HUP; exec "$@"', "sh", ...program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (!stdout.includes('"step":4') && (stdout + text).includes('"step":4')) child.kill("SIGHUP");
    stdout += text;
  });
  expect(await new Promise((resolve) => child.on("close", resolve))).toBe(128 + constants.signals.SIGHUP);
  expect(readdirSync(join(dir, "checkpoints"))).toHaveLength(1);
});

/** A run that is killed again and again, as by `kill -9`, and one that two processes want. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { decodeSafetensors } from "../../src/train/safetensors.ts";
import { randomNumbers } from "../../src/verify/lab.ts";
import { everyCase } from "../fuzz/fuzz.ts";
import { run, start, temporaryFolder, writePictures } from "./program.ts";

const folder = temporaryFolder();
const photos = join(folder, "photos");
writePictures(photos, 13);
const steps = 30;
/** Three steps an epoch: every third step has a checkpoint and a grid. */
const small = "--preset tiny --size 16 --base 2 --base-d 2 --batch 4 --z 4 --sample-every 3".split(" ");
const line = (dir: string, ...more: string[]) => [
  "train",
  ...small,
  ...["--data", photos, "--steps", String(steps), "--out", dir],
  ...more,
];

const whole = join(folder, "whole");

function endOf(dir: string) {
  const grids = readdirSync(join(dir, "samples")).sort();
  const { tensors } = decodeSafetensors(readFileSync(join(dir, "checkpoints", `step-0000${steps}.safetensors`)));
  const losses = readFileSync(join(dir, "losses.csv"), "utf8").trimEnd().split("\n");
  return {
    tensors,
    losses: losses.map((row) => row.slice(0, row.lastIndexOf(","))),
    grids: grids.map((name) => [name, readFileSync(join(dir, "samples", name)).toString("base64")]),
  };
}

test("killed at any moment: no grid, no row and no number is lost", { timeout: 600_000 }, async () => {
  expect((await run(...line(whole, "--save-every", "1"))).code).toBe(0);
  const dir = join(folder, "killed");
  const random = randomNumbers(3);
  const killed: number[] = [];
  for (let kills = 0; kills < (everyCase ? 5 : 3); kills++) {
    const begun = existsSync(join(dir, "config.json"));
    const { child, onLine, done } = start(
      begun ? ["train", "--resume", dir, "--json"] : line(dir, "--save-every", "1", "--json"),
    );
    // At once when a step, a grid or a checkpoint is told, or a little later.
    const events = 1 + Math.floor(random() * 8);
    let count = 0;
    onLine((text) => {
      if (JSON.parse(text).event === "start" || ++count !== events) return;
      setTimeout(() => child.kill("SIGKILL"), random() * 30);
      killed.push(count);
    });
    const { code, stderr } = await done;
    for (const warning of stderr.split("\n").filter(Boolean)) expect(warning).toMatch(/took the run over from process/);
    if (code === 0) break;
  }
  expect(killed.length).toBeGreaterThan(2);
  const last = await run("train", "--resume", dir);
  if (last.code !== 0) expect(last.stderr).toContain(`is at step ${steps} of ${steps} already`);
  expect(endOf(dir)).toEqual(endOf(whole));
  const left = readdirSync(dir, { recursive: true }).map(String);
  expect(left.filter((name) => /\.(tmp|lock|damaged)/.test(name))).toEqual([]);
});

test("killed before the first checkpoint, a run begins again in its folder", { timeout: 300_000 }, async () => {
  const dir = join(folder, "early");
  const { child, onLine, done } = start(line(dir, "--save-every", "0", "--json"));
  onLine((text) => JSON.parse(text).event === "step" && child.kill("SIGKILL"));
  await done;
  expect(readdirSync(join(dir, "checkpoints"))).toEqual([]);
  const again = await run(...line(dir));
  expect(again.code).toBe(2);
  expect(again.stderr).toMatch(
    /early is not empty: give --out a new folder, or resume the run in it: catgan train --res/,
  );
  const resumed = await run("train", "--resume", dir);
  expect(resumed.code).toBe(0);
  expect(resumed.stdout).toContain("starts over, because it was stopped before its first checkpoint");
  expect(endOf(dir)).toEqual(endOf(whole));
});

test("one process trains a run: a second says which, and takes over once it is gone", {
  timeout: 300_000,
}, async () => {
  const dir = join(folder, "wanted");
  const { child, onLine, done } = start(line(dir, "--save-every", "1", "--json"), {}, "dist/catgan.mjs");
  const saved = new Promise<void>((resolve) => {
    onLine((text) => {
      if (JSON.parse(text).event !== "checkpoint") return;
      child.kill("SIGSTOP");
      resolve();
    });
  });
  await saved;
  const { pid } = JSON.parse(readFileSync(join(dir, "run.lock"), "utf8"));
  process.kill(pid, "SIGSTOP");
  const second = await run("train", "--resume", dir);
  expect(second.code).toBe(2);
  expect(second.stderr).toMatch(
    new RegExp(
      `^catgan: \\S+wanted is being trained by process ${pid}, which locked the run at \\S+ \\S+ UTC: stop it first, or`,
    ),
  );
  process.kill(pid, "SIGKILL");
  child.kill("SIGKILL");
  await done;
  const third = await run("train", "--resume", dir);
  expect(third.code).toBe(0);
  expect(third.stderr).toMatch(
    new RegExp(`^catgan: warning: \\S+wanted: took the run over from process ${pid}, .* and no longer exists\\n$`),
  );
  expect(endOf(dir)).toEqual(endOf(whole));
});

test("ended while it reads its pictures, a run leaves nothing behind", async () => {
  const dir = join(folder, "parents", "unread");
  const { child, done } = start([...line(dir), "--data", "painted", "--size", "128", "--base", "1", "--base-d", "1"]);
  while (!existsSync(join(dir, "run.lock"))) await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill("SIGINT");
  expect((await done).code).toBe(130);
  expect(existsSync(join(folder, "parents"))).toBe(false);
});

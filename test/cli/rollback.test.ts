import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventsOf, run, temporaryFolder, writePictures } from "./program.ts";

const folder = temporaryFolder();
const photos = join(folder, "photos");
writePictures(photos, 13);
/** 3 steps an epoch, and rates at which losses explode within ten or twenty steps. */
const small = "train --preset tiny --size 16 --base 4 --base-d 4 --batch 4 --z 8 --steps 60 --sample-every 0".split(
  " ",
);
const wild = [...small, "--data", photos, "--lr-d", "0.5", "--lr-g", "0.5", "--json"];

const rows = (dir: string) => readFileSync(join(dir, "losses.csv"), "utf8").trimEnd().split("\n").slice(1);

test("a run whose losses explode goes back, with half the rates, three times at most", async () => {
  const dir = join(folder, "rollback");
  const { code, stderr, stdout } = await run(...wild, "--save-every", "1", "--out", dir);
  const events = eventsOf({ code, stderr, stdout });
  const backs = events.filter(({ event }) => event === "rollback");
  expect(backs.length).toBeGreaterThan(0);
  expect(backs.slice(0, 2)).toMatchObject([
    { attempt: 1, lrD: 0.25, lrG: 0.25 },
    ...(backs.length > 1 ? [{ lrD: 0.125, lrG: 0.125 }] : []),
  ]);
  for (const { attempt, message } of backs) {
    expect(attempt).toBeLessThanOrEqual(3);
    expect(stderr).toContain(`catgan: warning: ${message} (${attempt} of 3)\n`);
    expect(message).toMatch(
      /^training diverged at step \d+: [^;]+: back to step \d+ with half the learning rates, --lr-d /,
    );
  }
  expect(events.filter(({ event, kind }) => event === "trouble" && kind === "explosion").length).toBeGreaterThanOrEqual(
    backs.length,
  );
  // After each step of going back, steps count on from there, and so does losses.csv in the end.
  const steps = rows(dir).map((row) => Number(row.split(",")[0]));
  expect(steps).toEqual(Array.from({ length: steps.length }, (_, i) => i + 1));
  if (code === 0) expect(steps).toHaveLength(60);
  else
    expect(stderr.trimEnd().split("\n").at(-1)).toMatch(
      /^catgan: training diverged at step \d+: .*: try smaller --lr-d/,
    );
  expect(
    readdirSync(join(dir, "checkpoints")).filter((name) => name.endsWith(".safetensors")).length,
  ).toBeLessThanOrEqual(3);
});

test("--on-trouble stop ends it at once, exit code 1; warn only reports, once", async () => {
  const stopped = await run(...wild, "--save-every", "0", "--on-trouble", "stop", "--out", join(folder, "stop"));
  expect(stopped.code).toBe(1);
  expect(stopped.stderr).toMatch(
    /^catgan: training diverged at step \d+: the losses explode: [^\n]+; there is no checkpoint yet: try smaller --lr-d and --lr-g\n$/,
  );
  expect(eventsOf(stopped).at(-1)).toMatchObject({ event: "trouble", kind: "explosion", broken: true });
  const dir = join(folder, "warn");
  const warned = await run(...wild, "--save-every", "0", "--on-trouble", "warn", "--out", dir);
  expect(warned.code).toBe(0);
  expect(warned.stderr).toMatch(
    /^catgan: warning: step \d+: the losses explode: [^\n]+\. What usually helps: a smaller --lr-d \(it is 0\.5\) or a smaller --lr-g \(it is 0\.5\)\n$/,
  );
  expect(rows(dir)).toHaveLength(60);
  // What is found changes no number.
  const before = rows(join(folder, "stop")).map((row) => row.slice(0, row.lastIndexOf(",")));
  expect(before.length).toBeGreaterThanOrEqual(10);
  expect(before).toEqual(
    rows(dir)
      .slice(0, before.length)
      .map((row) => row.slice(0, row.lastIndexOf(","))),
  );
  expect(existsSync(join(dir, "checkpoints", "step-000060.safetensors"))).toBe(true);
});

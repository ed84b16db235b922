import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { PNG } from "pngjs";
import { expect, test } from "vitest";
import { eventsOf, run, temporaryFolder, writePictures } from "./program.ts";

const folder = temporaryFolder();
const photos = join(folder, "photos");
writePictures(photos, 13);
symlinkSync("nowhere", join(photos, "lost.png"));
const runDir = join(folder, "run");
const small = "--preset tiny --size 16 --base 4 --base-d 4 --batch 4 --z 8 --steps 1".split(" ");

test("measures an untrained generator against the run's pictures or others", async () => {
  expect((await run("train", ...small, "--data", photos, "--out", runDir)).code).toBe(0);

  const sheet = join(folder, "nearest.png");
  const measured = await run("evaluate", runDir, "--json", "--nearest", sheet);
  expect(measured.code).toBe(0);
  const [event] = eventsOf(measured);
  // Half of 13 pictures.
  expect(event).toMatchObject({ event: "evaluation", step: 1, data: photos, n: 6, seed: 1, sheet });
  const skippedReasons = [{ reason: "a link that leads nowhere", count: 1 }];
  expect(event.pictures).toEqual({ count: 13, skipped: 1, skippedReasons });
  expect(measured.stderr).toBe(
    "catgan: warning: skipped 1 file that cannot be used:\n  lost.png: a link that leads nowhere\n",
  );
  // Six pairs, four in a row: 8 × 2 pictures of 16 pixels and the gaps, enlarged.
  const { width, height } = PNG.sync.read(readFileSync(sheet));
  expect([width, height]).toEqual([7 * 146, 7 * 38]);
  for (const { levels, average } of [event.swd.fake, event.swd.real]) {
    expect(levels).toEqual([{ size: 16, value: average }]);
  }
  expect(event.swd.fake.average).toBeGreaterThan(event.swd.real.average);
  expect(event.colour.fake.mean).toBeGreaterThan(0);
  expect(event.colour.real.covariance).toBeGreaterThan(0);
  expect(event.colourSpread.real.grey).toBeGreaterThan(0);
  expect(event.msSsim.fake).toBeGreaterThan(event.msSsim.real);
  for (const key of ["kidRand64", "density", "coverage", "nearest"]) {
    expect(Object.keys(event[key])).toEqual(["fake", "real"]);
  }

  const painted = await run("evaluate", runDir, "--data", "painted", "--n", "20");
  expect(painted.stdout).toMatch(/real +20 of 2,048 painted cats/);
  expect(painted.stdout).toMatch(/SWD ×1000, average +\d+\.\d +\d+\.\d/);
  expect(painted.stdout).toMatch(/colours, spread of chroma \(levels\) +\d+\.\d +\d+\.\d/);
}, 240_000);

test("says what is missing", async () => {
  const none = await run("evaluate", join(folder, "nowhere"));
  expect(none).toMatchObject({ code: 2, stdout: "" });
  expect(none.stderr).toMatch(/catgan: cannot read .*nowhere: no such file or folder/);
  const noPictures = await run("evaluate", runDir, "--data", join(folder, "nothing.zip"));
  expect(noPictures.code).toBe(2);
  expect(noPictures.stderr).toMatch(/nothing.zip: no such folder or zip/);
});

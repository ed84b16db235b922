import { join } from "node:path";
import { expect, test } from "vitest";
import { eventsOf, run, temporaryFolder, writePictures } from "./program.ts";

const folder = temporaryFolder();
const photos = join(folder, "photos");
writePictures(photos, 13);
const runDir = join(folder, "run");
const small = "--preset tiny --size 16 --base 4 --base-d 4 --batch 4 --z 8 --steps 1".split(" ");

test("measures an untrained generator against the run's pictures or others", async () => {
  expect((await run("train", ...small, "--data", photos, "--out", runDir)).code).toBe(0);

  const measured = await run("evaluate", runDir, "--json");
  expect(measured.code).toBe(0);
  const [event] = eventsOf(measured);
  // Half of 13 pictures.
  expect(event).toMatchObject({ event: "evaluation", step: 1, data: photos, n: 6, seed: 1 });
  for (const { levels, average } of [event.swd.fake, event.swd.real]) {
    expect(levels).toEqual([{ size: 16, value: average }]);
  }
  expect(event.swd.fake.average).toBeGreaterThan(event.swd.real.average);
  expect(event.colour.fake.mean).toBeGreaterThan(0);
  expect(event.colour.real.covariance).toBeGreaterThan(0);

  const painted = await run("evaluate", runDir, "--data", "painted", "--n", "20");
  expect(painted.stdout).toMatch(/real +20 of 2,048 painted cats/);
  expect(painted.stdout).toMatch(/SWD ×1000, average +\d+\.\d +\d+\.\d/);
}, 240_000);

test("says what is missing", async () => {
  const none = await run("evaluate", join(folder, "nowhere"));
  expect(none).toMatchObject({ code: 2, stdout: "" });
  expect(none.stderr).toMatch(/catgan: cannot read .*nowhere: no such file or folder/);
  const noPictures = await run("evaluate", runDir, "--data", join(folder, "nothing.zip"));
  expect(noPictures.code).toBe(2);
  expect(noPictures.stderr).toMatch(/nothing.zip: no such folder or zip/);
});

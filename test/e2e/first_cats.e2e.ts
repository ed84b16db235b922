import { PNG } from "pngjs";
import { eventually, expect, type TrainingPage, test } from "./training_page.ts";

/**
 * How long the first grid may take from the click, and the next one from the one before, in the time of a training step.
 * A step measures the machine as it is at that moment: with two quiet cores these are some 20 s and 10 s.
 */
const promised = { first: 60, next: 30 };
/** Minutes that the whole run of the preset `tiny` may take, on a machine that does much else. */
const patient = 40;

test("the user opens the page, presses Start, and sees fakes, again and again", async ({ visit, page }) => {
  test.setTimeout((patient + 5) * 60_000);
  await visit.open();
  await expect(visit.shown("adapter-word")).toContainText(/a GPU is roughly 100 times faster/);
  await expect(page.locator("#adapter-help li")).not.toHaveCount(0);
  await page.evaluate(() => {
    const grids: [step: number, time: number][] = [];
    const caption = document.getElementById("fakes-caption")!;
    new MutationObserver(() => {
      const [, step] = /^after ([\d,]+) steps/.exec(caption.textContent!) ?? [];
      if (step || /^untrained/.test(caption.textContent!)) {
        grids.push([Number(step?.replaceAll(",", "") ?? 0), performance.now()]);
      }
    }).observe(caption, { childList: true, characterData: true, subtree: true });
    document.getElementById("start")!.addEventListener("click", () => grids.push([0, performance.now()]));
    Object.assign(window, { grids });
  });
  await visit.startButton.click();
  await eventually(() => visit.drawnStep()).not.toBeNull();
  const first = await colours(visit);
  expect(first.size, "colours of the first grid").toBeGreaterThan(50);
  await expect(visit.phase).toHaveText(/^training/);
  await page.waitForTimeout(30_000);
  await eventually(() => visit.drawnStep()).toBeGreaterThan(0);

  const grids = await page.evaluate(() => (window as unknown as { grids: [number, number][] }).grids);
  const [[, clicked], [, firstAt]] = grids;
  const [lastStep, lastAt] = grids.at(-1)!;
  const stepTook = (lastAt - firstAt) / lastStep;
  const firstTook = (firstAt - clicked) / stepTook;
  const longest = Math.max(...grids.slice(2).map(([, time], i) => (time - grids[i + 1][1]) / stepTook));
  console.log(
    `the first grid as long after the click as ${firstTook.toFixed(1)} steps take; then ${grids.length - 2} more, ` +
      `${longest.toFixed(1)} steps from one to the next at most; a step took ${(stepTook / 1000).toFixed(2)} s`,
  );
  expect(firstTook).toBeLessThan(promised.first);
  expect(longest).toBeLessThan(promised.next);

  for (const id of ["n-rate", "n-left", "n-gpu"]) await expect(visit.shown(id)).toHaveText(/\d/);
  expect(await page.title()).toMatch(/^\d+ of 800/);
  await expect(visit.shown("reals")).toBeVisible();
  await expect(visit.phase).toHaveText(/^Finished/, { timeout: patient * 60_000 });
  await visit.screenshot("tiny-finished");
  const reals = await tilesOf(visit, "#reals");
  const cats = compare(await tilesOf(visit, "#run-list img"), reals);
  await page.getByLabel("Grid of samples").fill("0");
  await expect(visit.shown("fakes-caption")).toContainText("untrained");
  const untrained = compare(await tilesOf(visit, "#past"), reals);
  console.log("beside real ones, cats are", cats, "and were, untrained,", untrained);
  expect(looksReal(cats)).toBe(true);
  expect(looksReal(untrained)).toBe(false);
});

/** The pictures of a grid of 8 by 8, 32 × 32 each. @returns [64][32 * 32 * 3], 0 … 255 */
async function tilesOf(visit: TrainingPage, selector: string): Promise<number[][]> {
  const rgba = await visit.page
    .locator(selector)
    .first()
    .evaluate((image: HTMLImageElement) => {
      const canvas = document.createElement("canvas");
      const { naturalWidth: width, naturalHeight: height } = image;
      Object.assign(canvas, { width, height });
      const context = canvas.getContext("2d")!;
      context.drawImage(image, 0, 0);
      return { width, data: [...context.getImageData(0, 0, width, height).data] };
    });
  const pitch = (rgba.width - 2) / 8;
  return Array.from({ length: 64 }, (_, tile) => {
    const [left, top] = [2 + (tile % 8) * pitch, 2 + Math.floor(tile / 8) * pitch];
    return Array.from({ length: 32 * 32 * 3 }, (_, i) => {
      const [x, y] = [left + (Math.floor(i / 3) % 32), top + Math.floor(i / 96)];
      return rgba.data[4 * (y * rgba.width + x) + (i % 3)];
    });
  });
}

interface Likeness {
  /** Correlation of the mean picture with that of real ones. */
  mean: number;
  /** How far pictures differ from their mean, and neighbouring pixels from each other, as a multiple of real ones'. */
  variety: number;
  roughness: number;
}

function compare(fakes: number[][], reals: number[][]): Likeness {
  const of = (pictures: number[][]) => {
    const mean = pictures[0].map((_, i) => average(pictures.map((picture) => picture[i])));
    const middle = average(mean);
    return {
      mean: mean.map((value) => value - middle),
      variety: average(pictures.map((picture) => average(picture.map((value, i) => (value - mean[i]) ** 2)))) ** 0.5,
      roughness: average(pictures.map((picture) => average(picture.slice(3).map((v, i) => Math.abs(v - picture[i]))))),
    };
  };
  const [f, r] = [of(fakes), of(reals)];
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  return {
    mean: dot(f.mean, r.mean) / Math.sqrt(dot(f.mean, f.mean) * dot(r.mean, r.mean)),
    variety: f.variety / r.variety,
    roughness: f.roughness / r.roughness,
  };
}

const average = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Gross failures show here: noise, grey, one cat for all. Cats are judged by eye. */
const looksReal = ({ mean, variety, roughness }: Likeness) =>
  mean > 0.8 && variety > 0.6 && variety < 1.4 && roughness > 0.5 && roughness < 2;

/** The colours that the samples' canvas shows. */
async function colours(visit: TrainingPage): Promise<Set<number>> {
  const { data } = PNG.sync.read(await visit.shown("screen").screenshot());
  return new Set(new Uint32Array(data.buffer, data.byteOffset, data.length / 4));
}

test("before Start, the page measures the adapter's speed and says how long each preset takes", async ({
  visit,
  page,
}) => {
  await visit.open();
  await expect(visit.shown("speed-word")).toContainText(/pictures per second/);
  const etas = page.locator(".preset .eta");
  await expect(etas).toHaveCount(4);
  for (const eta of await etas.all()) await expect(eta).toHaveText(/^(about|at most) \d/);
  await expect(visit.shown("curtain-text")).toContainText(/Tiny, 32 × 32, on painted cats: .*\d/);
});

import { PNG } from "pngjs";
import { expect, test } from "vitest";
import { eventually, useBrowser, type Visit } from "./visit.ts";

/** Seconds from the click to the first grid, and from one to the next, that people are promised on two quiet cores. */
const promised = { first: 20, next: 10 };
/** What a machine with nothing else to do may take of them; elsewhere they are only told. */
const strict = Number(process.env.CATGAN_E2E_STRICT ?? 0) > 0 ? 1.25 : Number.POSITIVE_INFINITY;
/** The whole run of the preset `tiny`, minutes on a software adapter. */
const long = process.env.CATGAN_E2E_LONG !== undefined;

const browser = useBrowser();

test("somebody opens the page, presses the button, and sees fakes, and ever more of them", async () => {
  const visitor = await browser.visitor();
  const visit = await visitor.open();
  await visit.shows("adapter-word", /real GPU is some hundred times faster/);
  expect(await visit.page.locator("#adapter-help li").count()).toBeGreaterThan(0);
  await visit.page.evaluate(() => {
    const times: number[] = [];
    const caption = document.getElementById("fakes-caption")!;
    new MutationObserver(() => {
      if (/^untrained|^after/.test(caption.textContent!)) times.push(performance.now());
    }).observe(caption, { childList: true, characterData: true, subtree: true });
    document.getElementById("start")!.addEventListener("click", () => times.push(performance.now()));
    Object.assign(window, { times });
  });
  await visit.start();
  await eventually(() => visit.drawnStep()).not.toBeNull();
  const first = await colours(visit);
  expect(first.size, "colours of the first grid").toBeGreaterThan(50);
  await visit.page.waitForTimeout(20_000);
  await eventually(() => visit.drawnStep()).toBeGreaterThan(0);

  const times = await visit.page.evaluate(() => (window as unknown as { times: number[] }).times);
  const gaps = times.slice(1).map((time, i) => (time - times[i]) / 1000);
  const [firstGrid, ...between] = gaps;
  const longest = Math.max(...between);
  console.log(
    `the first grid ${firstGrid.toFixed(1)} s after the click, then ${between.length} more, ` +
      `${longest.toFixed(1)} s from one to the next at most, at ${await visit.text("n-rate")} pictures/s`,
  );
  expect(firstGrid).toBeLessThan(promised.first * strict);
  expect(longest).toBeLessThan(promised.next * strict);

  for (const id of ["n-rate", "n-left", "n-gpu"]) expect(await visit.text(id)).toMatch(/\d/);
  expect(await visit.page.title()).toMatch(/^\d+ of 800/);
  await visit.page.locator("#reals").waitFor();
  if (!long) {
    await visit.button("Stop").click();
    await visit.run("Tiny cats").waitFor();
    return;
  }
  const tenMinutes = { timeout: 900_000, interval: 1000 };
  await expect.poll(() => visit.text("phase-word"), tenMinutes).toMatch(/^finished/);
  await visit.screenshot("tiny-finished");
}, 1_000_000);

/** The colours that the fakes' canvas shows. */
async function colours(visit: Visit): Promise<Set<number>> {
  const { data } = PNG.sync.read(await visit.pictureOf("#screen"));
  return new Set(new Uint32Array(data.buffer, data.byteOffset, data.length / 4));
}

test("where nobody starts, the page measures how fast the adapter is and says how long each preset takes", async () => {
  const visitor = await browser.visitor();
  const visit = await visitor.open();
  await visit.shows("speed-word", /pictures\/s|pictures a second/);
  for (const preset of ["Tiny", "Small", "Article"]) {
    const eta = visit.page.locator(".preset", { hasText: preset }).locator(".eta");
    await eventually(() => eta.textContent(), preset).toMatch(/\d/);
  }
  await visit.shows("curtain-text", /Tiny, 32 × 32, on painted cats: .*\d/);
});

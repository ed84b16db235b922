import { expect, test } from "vitest";
import { eventually, smallest, useBrowser, type Visit, type Visitor } from "./visit.ts";

const browser = useBrowser();
let visitor: Visitor;
let first: Visit;
let second: Visit;

test("a second tab says that another one trains, and watches it", async () => {
  visitor = await browser.visitor();
  first = await visitor.open(`${smallest}&steps=100000&sampleEvery=200`);
  await first.start();
  await first.reaches(5);
  second = await visitor.open(smallest);
  await second.says(/Another tab of this page is training/);
  expect(await second.page.locator("#start").isDisabled()).toBe(true);
  await second.button("Watch it here").click();
  await second.says(/You are watching another tab's run/);
  const seen = await second.step();
  await second.reaches(seen + 50);
  await eventually(() => second.drawnStep()).not.toBeNull();
  await second.shows("phase-word", "training, in another tab");
  expect(await second.button("Pause").isDisabled()).toBe(true);
});

test("it cannot delete the run that the first tab trains", async () => {
  await second.button("Delete Tiny cats").click();
  await second.button("Delete", second.page.getByRole("dialog")).click();
  await second.says(/another tab has this run open: stop it there, then delete it/);
  await second.reaches((await second.step()) + 5);
  expect(await second.run("Tiny cats").count()).toBe(1);
});

test("it takes over, without a step lost, and the first tab says so", async () => {
  const before = await first.step();
  await second.button("Take over").click();
  await second.reaches(before + 50);
  await second.shows("phase-word", "training");
  await first.says(/Another tab of this page is training/);
  await second.button("Stop").click();
  await eventually(() => first.notices()).toEqual([]);
  await eventually(() => first.page.locator("#start").isEnabled()).toBe(true);
});

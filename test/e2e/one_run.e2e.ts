import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { PNG } from "pngjs";
import { eventually, expect, smallest, stateOf, test } from "./training_page.ts";

test.describe("steering", () => {
  test.beforeEach(async ({ visit }) => {
    await visit.start(`${smallest}&steps=20000&sampleEvery=20`);
    await visit.reaches(1);
  });

  test("pause, a single step and play, by button and by key", async ({ visit, page }) => {
    await visit.press("Space");
    await expect(visit.phase).toHaveText("paused, saved");
    const paused = await visit.step();
    expect(paused).toBeGreaterThan(0);
    await page.waitForTimeout(700);
    expect(await visit.step()).toBe(paused);
    await visit.button("Step").click();
    await eventually(() => visit.step()).toBe(paused + 1);
    await eventually(() => visit.drawnStep()).toBe(paused + 1);
    await visit.press(".");
    await eventually(() => visit.step()).toBe(paused + 2);
    await visit.press("s");
    await expect(visit.phase).toHaveText("paused, saved");
    await visit.button("Play").click();
    await visit.reaches(paused + 3);
    await visit.pause();
    // Who pauses and plays by keyboard stays where they are.
    await expect(visit.shown("play")).toBeFocused();
  });

  test("rates change in a run that trains, smoothing between two steps, channels only in a new run", async ({
    visit,
    page,
  }) => {
    const began = await visit.step();
    for (const group of ["Training", "Networks"]) {
      await page.locator("summary").getByText(group, { exact: true }).click();
    }
    await visit.set("Learning rate, G", "0.0005");
    await visit.set("Label smoothing", "0.1");
    await expect(page).toHaveURL(/lrG=0\.0005.*smoothing=0\.1/);
    await expect(visit.phase).toHaveText("training");
    await visit.trains(5);
    await expect(visit.shown("pending")).toBeHidden();
    const { bytes } = await visit.downloads(visit.button("Download Tiny cats"));
    expect(stateOf(bytes).config).toMatchObject({ lrG: 0.0005, smoothing: 0.1, lrD: 0.001 });

    await visit.set("Channels, G", "3");
    await expect(visit.shown("pending-text")).toContainText("Changes that need a new run: channels, g.");
    await visit.button("Undo").click();
    await expect(visit.shown("pending")).toBeHidden();
    await visit.set("Channels, G", "0");
    await expect(visit.shown("set-base-hint")).toContainText("Expected a whole number from 1 to 256.");
    expect(await visit.step()).toBeGreaterThan(began);
  });

  test("curves, logarithmic and smoothed", async ({ visit, page }) => {
    await visit.reaches(20);
    await visit.pause();
    const losses = visit.shown("chart-losses");
    const redraws = async (action: () => Promise<unknown>) => {
      const before = await losses.screenshot();
      await action();
      await eventually(async () => before.equals(await losses.screenshot())).toBe(false);
    };
    await redraws(() => page.getByLabel("Logarithmic").check());
    await redraws(() => page.getByLabel("Smoothing", { exact: true }).fill("0"));
    await redraws(() => visit.press("l"));
    for (const id of ["n-step", "n-epoch", "n-rate", "n-left", "n-gpu", "n-saved"]) {
      expect(await visit.shown(id).textContent(), id).toMatch(/\d|just now/);
    }
  });

  test("samples are measured against real pictures, from now on", async ({ visit, page }) => {
    await expect(visit.shown("quality")).toBeHidden();
    await visit.set("Measure every … steps", "2");
    await expect(visit.shown("quality")).toBeVisible();
    await page.locator("#chart-quality").hover();
    await expect(visit.shown("read-quality")).toHaveText(/^step [\d,]*[02468]: [\d.,]+, [\d.,]+$/);
    await visit.set("Measure every … steps", "0");
    await visit.pause();
  });

  test("the timeline of past grids: by keys, as a film, as a GIF", async ({ visit, page }) => {
    const looked = visit.shown("scrub-step");
    await visit.reaches(60);
    await visit.pause();
    await visit.press("ArrowLeft");
    await expect(looked).toHaveText(/^step [\d,]*[02468]0$/);
    const last = (await looked.textContent())!;
    await visit.press("ArrowLeft");
    await expect(looked).not.toHaveText(last);
    const shown = `after ${(await looked.textContent())!.slice(5)} steps`;
    await expect(visit.shown("fakes-caption")).toContainText(shown);
    await visit.press("Escape");
    await expect(looked).toHaveText("now");
    await page.getByLabel("Grid of samples").fill("0");
    await expect(visit.shown("fakes-caption")).toContainText("untrained");
    await visit.button("Back to now").click();
    await expect(looked).toHaveText("now");
    await visit.button("Play the grids so far").click();
    await expect(looked).toHaveText(/^step/);
    await visit.press("Escape");
    await visit.timeline.getByLabel("Format of the film").selectOption("gif");
    const gif = await visit.downloads(visit.button("Save film", visit.timeline));
    expect(gif.name).toBe("Tiny cats.gif");
    expect(gif.bytes.subarray(0, 6).toString()).toBe("GIF89a");
  });

  test("stop closes the run, reset brings the preset back", async ({ visit, page }) => {
    await visit.stop();
    await expect(visit.button("Continue Tiny cats")).toBeVisible();
    await expect(visit.startButton).toBeEnabled();
    expect(new URL(page.url()).search).toContain("size=16");
    await visit.button("Reset").click();
    await expect(page).toHaveURL("?test");
  });
});

test("a run is renamed, duplicated, deleted", async ({ visit }) => {
  const { dialog } = visit;
  await visit.trainToTheEnd(`${smallest}&steps=4`);
  const original = await visit.downloads(visit.button("Download Tiny cats"));
  expect(original.name).toBe("Tiny cats-step-4.safetensors");
  await visit.button("Stop").click();
  await visit.button("Rename Tiny cats").click();
  await dialog.getByLabel("Name").fill("First cats");
  await visit.button("Rename", dialog).click();
  await expect(visit.run("First cats")).toBeVisible();
  await visit.button("Duplicate First cats").click();
  await expect(visit.run("First cats, copy")).toBeVisible();
  await visit.button("Delete First cats").click();
  await visit.button("Cancel", dialog).click();
  await expect(visit.run("First cats")).toHaveCount(1);
  await visit.button("Delete First cats").click();
  await visit.button("Delete", dialog).click();
  await expect(visit.run("First cats")).toHaveCount(0);
  const copy = await visit.downloads(visit.button("Download First cats, copy"));
  expect(stateOf(copy.bytes)).toEqual(stateOf(original.bytes));
});

test("reloaded in mid-run, a run continues with the numbers of one that never stopped", async ({ visit, page }) => {
  // Few and slow ones: what is pressed and looked at in mid-run takes less than the run.
  const steps = 300;
  const slower = `test&size=16&base=8&baseD=8&z=4&batch=16&steps=${steps}&sampleEvery=50`;
  let whole: Buffer;
  await test.step("a run to its end", async () => {
    await visit.trainToTheEnd(slower);
    whole = (await visit.downloads(visit.button("Download Tiny cats"))).bytes;
    await visit.stop();
    await visit.button("Delete Tiny cats").click();
    await visit.button("Delete", visit.dialog).click();
    await expect(visit.run("Tiny cats")).toHaveCount(0);
  });
  await test.step("the same, reloaded", async () => {
    await visit.startButton.click();
    await visit.reaches(5);
    // The page itself sees the save at once, while the run goes on.
    const reloaded = page.waitForEvent("load");
    await page.evaluate(() => {
      const list = document.getElementById("run-list")!;
      const look = () => /Tiny cats\s*Step [1-9]/.test(list.textContent!) && location.reload();
      new MutationObserver(look).observe(list, { childList: true, characterData: true, subtree: true });
    });
    await visit.press("s");
    await reloaded;
    const saved = visit.run("Tiny cats").getByText(/^Step [1-9]/);
    await saved.waitFor();
    const [, step] = /^Step (\d+) of 300/.exec((await saved.textContent())!)!;
    expect(Number(step)).toBeGreaterThanOrEqual(5);
    expect(Number(step), "reloaded in mid-run").toBeLessThan(steps);
    await visit.shown("continue").click();
    await expect(visit.phase).toHaveText(/^Finished/);
    const { bytes } = await visit.downloads(visit.button("Download Tiny cats"));
    expect(stateOf(bytes)).toEqual(stateOf(whole));
    // Curves and grids are those of the whole run as well.
    await expect(page.getByLabel("Grid of samples")).toHaveAttribute("max", String(steps / 50 + 1));
  });
});

test.describe("checkpoints and the command line", () => {
  const catgan = (...args: string[]) =>
    promisify(execFile)(process.execPath, ["dist/catgan.mjs", ...args, "--adapter", "software"]);

  test("the command line draws from the page's checkpoint", async ({ visit }, testInfo) => {
    await visit.trainToTheEnd(`${smallest}&steps=4`);
    const { path } = await visit.downloads(visit.button("Download Tiny cats"));
    const out = testInfo.outputPath("cats.png");
    await catgan("sample", path, "--out", out);
    expect(existsSync(out)).toBe(true);
  });

  test("the page trains on from the command line's checkpoint", async ({ visit }, testInfo) => {
    const out = testInfo.outputPath("run");
    const networks = ["--preset", "tiny", "--size", "16", "--base", "2", "--base-d", "2", "--z", "4", "--batch", "4"];
    await catgan("train", ...networks, "--steps", "7", "--out", out);
    await visit.open("test");
    await visit.shown("upload").setInputFiles(join(out, "checkpoints", "step-000007.safetensors"));
    await expect(visit.run("step-000007").getByText(/^Step 7 of 7/)).toBeVisible();
    await visit.button("Open step-000007").click();
    await expect(visit.phase).toHaveText(/^Finished/);
    await visit.button(/^Train 7 more/).click();
    await expect(visit.shown("n-step")).toHaveText("14 / 14");
    await visit.upload("holiday.safetensors", Buffer.from("not a checkpoint at all"));
    await visit.says(/safetensors/);
  });
});

test("a grid from a seed, the same one for the same seed; a walk, a stroll, and a cat's relatives", async ({
  visit,
  page,
}) => {
  const wall = page.locator(".draw-wall >> nth=0");
  const large = page.locator(".draw-large canvas");
  const one = page.locator(".draw-one");
  const changes = async (what: typeof wall, action: () => Promise<unknown>) => {
    const before = await what.screenshot();
    await action();
    await eventually(async () => before.equals(await what.screenshot())).toBe(false);
    // All of it.
    await page.waitForTimeout(300);
    return before;
  };
  await visit.trainToTheEnd("test&size=16&base=8&baseD=8&z=4&batch=16&steps=20&sampleEvery=0");
  await visit.button("Stop").click();
  await visit.shown("draw-source").selectOption({ label: "Tiny cats, 20 steps" });
  await expect(visit.drawRoom).toBeVisible();
  await expect(wall.locator("canvas").last()).toHaveAttribute("width", "16");
  await page.waitForTimeout(300);

  await test.step("a grid from a seed", async () => {
    const seed = visit.shown("draw-seed");
    const choose = async (value: string) => {
      await seed.fill(value);
      await seed.press("Enter");
    };
    const first = await changes(wall, () => choose("7"));
    await changes(wall, () => choose("1"));
    await eventually(async () => first.equals(await wall.screenshot())).toBe(true);
    const { bytes, name } = await visit.downloads(visit.button("Save the grid"));
    expect(name).toBe("cats-seed-1.png");
    const { width, height } = PNG.sync.read(bytes);
    expect(width).toBe(height);
    expect(width).toBeGreaterThanOrEqual(4 * 16);
  });

  await test.step("a walk between two cats, a stroll, and a cat's relatives", async () => {
    await changes(large, () => page.getByLabel("From A to B").fill("0.5"));
    await expect(page.getByText(/50 % of the way/)).toBeVisible();
    await changes(large, () => page.getByLabel("From A to B").fill("1"));
    await page.getByRole("radio", { name: "Stroll" }).check();
    await changes(large, () => visit.button("Play", one).click());
    await visit.button("Pause", one).click();
    await page.getByRole("radio", { name: "Vary" }).check();
    await changes(large, () => visit.button("Relative 3").click());
    await changes(wall, () => visit.button("Keep this one").click());
    const { bytes, name } = await visit.downloads(visit.button("Save this cat"));
    expect(name).toMatch(/\.png$/);
    expect(PNG.sync.read(bytes).width).toBeGreaterThanOrEqual(16);
    await changes(wall, () => visit.button("Undo kept cats").click());
  });
});

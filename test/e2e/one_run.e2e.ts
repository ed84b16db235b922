import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PNG } from "pngjs";
import { afterAll, describe, expect, test } from "vitest";
import { run as catgan } from "../cli/program.ts";
import { eventually, smallest, stateOf, useBrowser, type Visit } from "./visit.ts";

const browser = useBrowser();
const folder = mkdtempSync(join(tmpdir(), "catgan-e2e-run-"));
afterAll(() => rmSync(folder, { recursive: true }));
const networks = ["--preset", "tiny", "--size", "16", "--base", "2", "--base-d", "2", "--z", "4", "--batch", "4"];

describe("steer", () => {
  let visit: Visit;
  const seeing = async (selector: string, action: () => Promise<unknown>) => {
    const before = await visit.pictureOf(selector);
    await action();
    await eventually(async () => before.equals(await visit.pictureOf(selector)), selector).toBe(false);
  };
  const set = async (label: string, value: string) => {
    await visit.page.getByLabel(label, { exact: true }).fill(value);
    await visit.page.keyboard.press("Tab");
  };

  test("pause, a single step and play, by button and by key", async () => {
    visit = await (await browser.visitor()).open(`${smallest}&steps=20000&sampleEvery=20`);
    await visit.start();
    await visit.reaches(1);
    await visit.press("Space");
    await visit.shows("phase-word", "paused, saved");
    const paused = await visit.step();
    expect(paused).toBeGreaterThan(0);
    await visit.page.waitForTimeout(700);
    expect(await visit.step()).toBe(paused);
    await visit.button("Step").click();
    await eventually(() => visit.step()).toBe(paused + 1);
    await eventually(() => visit.drawnStep()).toBe(paused + 1);
    await visit.press(".");
    await eventually(() => visit.step()).toBe(paused + 2);
    await visit.press("s");
    await visit.shows("phase-word", "paused, saved");
    await visit.button("Play").click();
    await visit.reaches(paused + 3);
    await visit.pause();
    // Who pauses and plays by keyboard stays where they are.
    await eventually(() => visit.page.evaluate(() => document.activeElement?.id)).toBe("play");
  });

  test("rates change in a run that trains, smoothing between two steps, channels only in a new run", async () => {
    await visit.button("Play").click();
    const began = await visit.step();
    await visit.reaches(began + 5);
    for (const group of ["Learning", "Networks"]) {
      await visit.page.locator("summary").getByText(group, { exact: true }).click();
    }
    await set("Learning rate, G", "0.0005");
    await set("Label smoothing", "0.1");
    await eventually(() => visit.page.url()).toMatch(/lrG=0\.0005.*smoothing=0\.1/);
    await visit.shows("phase-word", "training");
    await visit.reaches((await visit.step()) + 5);
    expect(await visit.page.locator("#pending").isVisible()).toBe(false);
    const { bytes } = await visit.downloads(visit.button("Download Tiny cats"));
    expect(stateOf(bytes).config).toMatchObject({ lrG: 0.0005, smoothing: 0.1, lrD: 0.001 });

    await set("Channels, G", "3");
    await visit.shows("pending-text", "These need a new run: channels, g.");
    await visit.button("Undo").click();
    await eventually(() => visit.page.locator("#pending").isVisible()).toBe(false);
    await visit.page.getByLabel("Channels, G", { exact: true }).fill("0");
    await visit.page.keyboard.press("Tab");
    await visit.shows("set-base-hint", "Expected a whole number from 1 to 256.");
    expect(await visit.step()).toBeGreaterThan(began);
  });

  test("curves, logarithmic and smoothed", async () => {
    await visit.pause();
    await seeing("#chart-losses", () => visit.page.getByLabel("Logarithmic").check());
    await seeing("#chart-losses", () => visit.page.getByLabel("Smoothing", { exact: true }).fill("0"));
    await seeing("#chart-losses", () => visit.press("l"));
    for (const id of ["n-step", "n-epoch", "n-rate", "n-left", "n-gpu", "n-saved"]) {
      expect(await visit.text(id), id).toMatch(/\d|just now/);
    }
  });

  test("drawings measured against real pictures, from now on", async () => {
    expect(await visit.page.locator("#quality").isVisible()).toBe(false);
    await set("Measure every … steps", "2");
    await visit.button("Play").click();
    await visit.page.locator("#quality").waitFor();
    await visit.page.locator("#chart-quality").hover();
    await visit.shows("read-quality", /^step [\d,]*[02468]: [\d.,]+, [\d.,]+$/);
    await set("Measure every … steps", "0");
    await visit.pause();
  });

  test("the timeline of past grids: by keys, as a film, as a GIF", async () => {
    await visit.press("ArrowLeft");
    await visit.shows("scrub-step", /^step [\d,]*[02468]0$/);
    const looked = await visit.text("scrub-step");
    await visit.press("ArrowLeft");
    await eventually(() => visit.text("scrub-step")).not.toBe(looked);
    await visit.shows("fakes-caption", new RegExp(`after ${(await visit.text("scrub-step")).slice(5)} steps`));
    await visit.press("Escape");
    await visit.shows("scrub-step", "now");
    await visit.page.getByLabel("Grid of samples").fill("0");
    await visit.shows("fakes-caption", "untrained");
    await visit.button("Back to now").click();
    await visit.shows("scrub-step", "now");
    await visit.button("Play the grids so far").click();
    await visit.shows("scrub-step", /^step/);
    await visit.press("Escape");
    await visit.page.locator("#timeline").getByLabel("Format of the film").selectOption("gif");
    const gif = await visit.downloads(visit.button("Save film", visit.page.locator("#timeline")));
    expect(gif.name).toBe("Tiny cats.gif");
    expect(gif.bytes.subarray(0, 6).toString()).toBe("GIF89a");
  });

  test("stop closes the run, reset brings the preset back", async () => {
    await visit.button("Stop").click();
    await visit.page.locator("#transport").waitFor({ state: "hidden" });
    await visit.button("Continue Tiny cats").waitFor();
    await eventually(() => visit.page.locator("#start").isEnabled()).toBe(true);
    expect(new URL(visit.page.url()).search).toContain("size=16");
    await visit.button("Reset").click();
    await eventually(() => new URL(visit.page.url()).search).toBe("?test");
    await visit.page.close();
  });
});

describe("keep", () => {
  /** Few and slow ones: what is pressed and looked at in mid-run takes less than the run. */
  const steps = 300;
  const slower = "test&size=16&base=8&baseD=8&z=4&batch=16";
  let visit: Visit;
  /** The checkpoint of a run that was never stopped. */
  let whole: Buffer;
  test("a run to its end, and its checkpoint", async () => {
    visit = await (await browser.visitor()).open(`${slower}&steps=${steps}&sampleEvery=50`);
    await visit.start();
    await eventually(() => visit.text("phase-word")).toMatch(/^finished/);
    const { bytes, name } = await visit.downloads(visit.button("Download Tiny cats"));
    expect(name).toBe(`Tiny cats-step-${steps}.safetensors`);
    whole = bytes;
    await visit.button("Stop").click();
    await visit.run("Tiny cats").waitFor();
  });

  test("a run is renamed, duplicated, deleted", async () => {
    await visit.button("Rename Tiny cats").click();
    await visit.page.getByRole("dialog").getByLabel("Name").fill("First cats");
    await visit.button("Rename", visit.page.getByRole("dialog")).click();
    await visit.run("First cats").waitFor();
    await visit.button("Duplicate First cats").click();
    await visit.run("First cats, copy").waitFor();
    await visit.button("Delete First cats").click();
    await visit.button("Cancel", visit.page.getByRole("dialog")).click();
    expect(await visit.run("First cats").count()).toBe(1);
    await visit.button("Delete First cats").click();
    await visit.button("Delete", visit.page.getByRole("dialog")).click();
    await visit.run("First cats").waitFor({ state: "detached" });
    const copy = await visit.downloads(visit.button("Download First cats, copy"));
    expect(stateOf(copy.bytes)).toEqual(stateOf(whole));
  });

  test("reloaded in mid-run, a run goes on to the numbers of one that never stopped", async () => {
    await visit.start();
    await visit.reaches(5);
    // The page itself sees the save at once, while the run goes on.
    const reloaded = visit.page.waitForEvent("load");
    await visit.page.evaluate(() => {
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
    await visit.page.locator("#continue").click();
    await eventually(() => visit.text("phase-word")).toMatch(/^finished/);
    const { bytes } = await visit.downloads(visit.button("Download Tiny cats"));
    expect(stateOf(bytes)).toEqual(stateOf(whole));
    // Curves and grids are those of the whole run as well.
    expect(await visit.page.getByLabel("Grid of samples").getAttribute("max")).toBe(String(steps / 50 + 1));
  });

  test("the command line draws from the page's checkpoint", async () => {
    const { path } = await visit.downloads(visit.button("Download Tiny cats"));
    const out = join(folder, "cats.png");
    const { code, stderr } = await catgan("sample", path, "--out", out, "--adapter", "software");
    expect(code, stderr).toBe(0);
    expect(existsSync(out)).toBe(true);
  });

  test("the page trains on from the command line's checkpoint", async () => {
    const out = join(folder, "run");
    const { code, stderr } = await catgan("train", ...networks, "--steps", "7", "--out", out, "--adapter", "software");
    expect(code, stderr).toBe(0);
    await visit.page.locator("#upload").setInputFiles(join(out, "checkpoints", "step-000007.safetensors"));
    await visit
      .run("step-000007")
      .getByText(/^Step 7 of 7/)
      .waitFor();
    await visit.button("Open step-000007").click();
    await visit.shows("phase-word", /^finished/);
    await visit.button(/^Train on, 7 more/).click();
    await eventually(() => visit.text("n-step")).toBe("14 / 14");
    await visit.page.locator("#upload").setInputFiles({
      name: "holiday.safetensors",
      mimeType: "application/octet-stream",
      buffer: Buffer.from("not a checkpoint at all"),
    });
    await visit.says(/safetensors/);
  });

  describe("draw", () => {
    const wall = () => visit.pictureOf(".draw-wall >> nth=0");
    const large = () => visit.pictureOf(".draw-large canvas");
    const changes = async (look: () => Promise<Buffer>, action: () => Promise<unknown>) => {
      const before = await look();
      await action();
      await eventually(async () => before.equals(await look())).toBe(false);
      // All of it.
      await visit.page.waitForTimeout(300);
      return before;
    };

    test("a grid from a seed, the same one for the same seed", async () => {
      await visit.page.locator("#draw-source").selectOption({ label: "Tiny cats, 300 steps" });
      await visit.page.locator(".draw-room").waitFor();
      await eventually(() => visit.page.locator(".draw-wall >> nth=0 >> canvas").last().getAttribute("width")).toBe(
        "16",
      );
      await visit.page.waitForTimeout(300);
      const seed = visit.page.locator("#draw-seed");
      const choose = async (value: string) => {
        await seed.fill(value);
        await seed.press("Enter");
      };
      const first = await changes(wall, () => choose("7"));
      await changes(wall, () => choose("1"));
      await eventually(async () => first.equals(await wall())).toBe(true);
      const { bytes, name } = await visit.downloads(visit.button("Save the grid"));
      expect(name).toBe("cats-seed-1.png");
      const { width, height } = PNG.sync.read(bytes);
      expect(width).toBe(height);
      expect(width).toBeGreaterThanOrEqual(4 * 16);
    });

    test("a walk between two cats, a stroll, and a cat's relatives", async () => {
      await changes(large, () => visit.page.getByLabel("From A to B").fill("0.5"));
      await visit.page.getByText(/50 % of the way/).waitFor();
      await changes(large, () => visit.page.getByLabel("From A to B").fill("1"));
      await visit.page.getByRole("radio", { name: "Stroll" }).check();
      await changes(large, () => visit.button("Play", visit.page.locator(".draw-one")).click());
      await visit.button("Pause", visit.page.locator(".draw-one")).click();
      await visit.page.getByRole("radio", { name: "Vary" }).check();
      await changes(large, () => visit.button("Relative 3").click());
      await changes(wall, () => visit.button("Keep this one").click());
      const { bytes, name } = await visit.downloads(visit.button("Save this cat"));
      expect(name).toMatch(/\.png$/);
      expect(PNG.sync.read(bytes).width).toBeGreaterThanOrEqual(16);
      await changes(wall, () => visit.button("Put the seed's cats back").click());
    });
  });
});

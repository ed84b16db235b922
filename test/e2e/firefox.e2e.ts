/** Firefox has a compiler of its own for shaders (naga). */
import { PNG } from "pngjs";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type Firefox, firefox, launchFirefox } from "./firefox.ts";
import { eventually, smallest } from "./visit.ts";
import type { Wire } from "./wire.ts";

const steps = 200;

describe.skipIf(!firefox)("Firefox", () => {
  let browser: Firefox;
  let wire: Wire;
  let context: string;
  let problems: string[];
  let evaluate: Firefox["evaluate"];

  beforeAll(async () => {
    browser = await launchFirefox();
    ({ wire, context, problems, evaluate } = browser);
  });
  afterAll(() => browser?.close());

  const text = async (selector: string): Promise<string> =>
    (await evaluate(`document.querySelector("${selector}")?.textContent ?? ""`)).value;
  const click = async (selector: string) => {
    const ready = `(button => button.checkVisibility() && !button.disabled)(document.querySelector("${selector}"))`;
    await eventually(async () => (await evaluate(ready)).value, selector).toBe(true);
    await evaluate(`document.querySelector("${selector}").scrollIntoView({ block: "center" })`);
    const { sharedId } = await evaluate(`document.querySelector("${selector}")`);
    const actions = [
      { type: "pointerMove", x: 0, y: 0, origin: { type: "element", element: { sharedId } } },
      { type: "pointerDown", button: 0 },
      { type: "pointerUp", button: 0 },
    ];
    await wire.send("input.performActions", { context, actions: [{ type: "pointer", id: "mouse", actions }] });
  };
  const step = async () => Number((await text("#n-step")).split(" / ")[0].replaceAll(",", ""));

  test("the first cats, and training", async () => {
    const url = `${inject("site")}?${smallest}&steps=${steps}&sampleEvery=20`;
    await wire.send("browsingContext.navigate", { context, url, wait: "complete" });
    await eventually(() => text("#adapter-word")).toMatch(/real GPU is some hundred times faster/);
    const began = performance.now();
    await click("#start");
    await eventually(() => text("#fakes-caption")).toMatch(/^untrained|^after/);
    const first = (performance.now() - began) / 1000;
    await eventually(step, "the first step").toBeGreaterThan(0);
    console.log(
      `Firefox: the first grid ${first.toFixed(1)} s after the click, ` +
        `the first step after ${((performance.now() - began) / 1000).toFixed(1)} s`,
    );
    await eventually(() => text("#fakes-caption")).toMatch(/^after/);
    const { sharedId } = await evaluate('document.getElementById("fakes")');
    const clip = { type: "element", element: { sharedId } };
    const { data } = await wire.send("browsingContext.captureScreenshot", { context, clip });
    const pixels = PNG.sync.read(Buffer.from(data, "base64")).data;
    expect(new Set(new Uint32Array(pixels.buffer, pixels.byteOffset, pixels.length / 4)).size).toBeGreaterThan(50);
    expect(problems).toEqual([]);
  });

  test("saving, and going on from the save after a reload", async () => {
    await click("#save");
    await eventually(() => text("#run-list p")).toMatch(/^Step [1-9]/);
    const [, saved] = /^Step (\d+)/.exec(await text("#run-list p"))!;
    await wire.send("browsingContext.reload", { context, wait: "complete" });
    await eventually(() => text("#continue")).toMatch(/^Continue Tiny cats, step \d+/);
    await click("#continue");
    await eventually(step).toBeGreaterThan(Number(saved));
    await eventually(() => text("#phase-word")).toMatch(/^finished/);
    expect(await text("#n-step")).toBe(`${steps} / ${steps}`);
    expect(await text("#notices")).toBe("");
    expect(problems).toEqual([]);
  });
});

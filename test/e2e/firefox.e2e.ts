/** Firefox has a compiler of its own for shaders (naga). */
import { test as base, expect } from "@playwright/test";
import { PNG } from "pngjs";
import { type Firefox, launchFirefox } from "./firefox.ts";
import { eventually, smallest } from "./training_page.ts";

const test = base.extend<{ firefox: Firefox }>({
  firefox: async ({ baseURL }, use) => {
    const firefox = await launchFirefox(baseURL!);
    await use(firefox);
    await firefox.close();
    expect(firefox.problems).toEqual([]);
  },
});

test("Firefox trains, saves, and continues from the save after a reload", async ({ firefox, baseURL }) => {
  const { wire, context, evaluate } = firefox;
  const steps = 200;
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

  await test.step("the first cats, and training", async () => {
    const url = `${baseURL}?${smallest}&steps=${steps}&sampleEvery=20`;
    await wire.send("browsingContext.navigate", { context, url, wait: "complete" });
    await eventually(() => text("#adapter-word")).toMatch(/a GPU is roughly 100 times faster/);
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
  });

  await test.step("saving, and continuing from the save after a reload", async () => {
    await click("#save");
    await eventually(() => text("#run-list p")).toMatch(/^Step [1-9]/);
    const [, saved] = /^Step (\d+)/.exec(await text("#run-list p"))!;
    await wire.send("browsingContext.reload", { context, wait: "complete" });
    await eventually(() => text("#continue")).toMatch(/^Continue Tiny cats, step \d+/);
    await click("#continue");
    await eventually(step).toBeGreaterThan(Number(saved));
    await eventually(() => text("#phase-word")).toMatch(/^Finished/);
    expect(await text("#n-step")).toBe(`${steps} / ${steps}`);
    expect(await text("#notices")).toBe("");
  });
});

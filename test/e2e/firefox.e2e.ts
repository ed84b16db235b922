/**
 * Firefox has a compiler of its own for shaders (naga), and is driven by WebDriver BiDi, which Playwright speaks with newer
 * ones only. CATGAN_FIREFOX: a path; `none`: these tests are skipped.
 */
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PNG } from "pngjs";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { eventually, smallest } from "./visit.ts";
import { startBrowser, Wire } from "./wire.ts";

const { CATGAN_FIREFOX: asked } = process.env;
const installed = ["/usr/bin/firefox-esr", "/usr/bin/firefox"].find((path) => existsSync(path));
const firefox = asked === "none" ? undefined : (asked ?? installed);
if (!firefox) {
  console.warn(
    `NOT TESTED in Firefox: ${asked === "none" ? "CATGAN_FIREFOX is none" : "there is none on this machine"}`,
  );
}

const preferences = {
  "dom.webgpu.enabled": true,
  // Lavapipe is a software adapter.
  "gfx.webgpu.ignore-blocklist": true,
  "gfx.webgpu.force-enabled": true,
  // It has nobody to ask and nothing to fetch.
  "app.update.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
};
/** The first WebGPU in a release of Firefox. */
const oldest = 141;
const steps = 200;

describe.skipIf(!firefox)("Firefox", () => {
  let child: ChildProcess;
  let wire: Wire;
  let context: string;
  const profile = mkdtempSync(join(tmpdir(), "catgan-e2e-firefox-"));
  const problems: string[] = [];

  beforeAll(async () => {
    const lines = Object.entries(preferences).map(([key, value]) => `user_pref("${key}", ${value});`);
    writeFileSync(join(profile, "user.js"), lines.join("\n"));
    const args = ["--headless", "--no-remote", "--remote-debugging-port=0", "--profile", profile, "about:blank"];
    let url: string;
    ({ child, url } = await startBrowser(firefox!, args, /WebDriver BiDi listening on (ws:\S+)/));
    const home = new URL(inject("site")).origin;
    wire = await Wire.open(`${url}/session`, (method, { level, text, request }) => {
      if (method === "log.entryAdded" && level === "error") problems.push(`console: ${text}`);
      if (
        method === "network.beforeRequestSent" &&
        /^https?:/.test(request.url) &&
        !request.url.startsWith(`${home}/`)
      ) {
        problems.push(`outside request: ${request.url}`);
      }
    });
    const { capabilities } = await wire.send("session.new", { capabilities: {} });
    const version = Number.parseInt(capabilities.browserVersion, 10);
    if (version < oldest) {
      throw new Error(
        `Firefox ${version} has no WebGPU: apt-get update && apt-get install firefox-esr mesa-vulkan-drivers brings a newer one`,
      );
    }
    await wire.send("session.subscribe", { events: ["log.entryAdded", "network.beforeRequestSent"] });
    [{ context }] = (await wire.send("browsingContext.getTree")).contexts;
  });
  afterAll(async () => {
    wire?.close();
    if (child) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill();
      await ended;
    }
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  });

  const evaluate = async (expression: string) => {
    const { result, exceptionDetails } = await wire.send("script.evaluate", {
      expression,
      target: { context },
      awaitPromise: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return result;
  };
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

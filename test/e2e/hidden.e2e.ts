import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { findChromium } from "./chromium.ts";
import { eventually, smallest } from "./visit.ts";
import { startBrowser, Wire } from "./wire.ts";

/**
 * By the DevTools protocol alone, since for Playwright every tab is always visible. A timer of a hidden tab comes once a
 * second, and no frame comes at all.
 */
test("a tab that nobody sees trains on, and no slower", async () => {
  const profile = mkdtempSync(join(tmpdir(), "catgan-e2e-profile-"));
  const { path, args, env } = findChromium();
  const more = ["--headless", "--remote-debugging-port=0", `--user-data-dir=${profile}`];
  const { child, url } = await startBrowser(path, [...args, ...more], /listening on (ws:\S+)/, env);
  const wire = await Wire.open(url, () => {});
  try {
    const address = `${inject("site")}?${smallest}&steps=100000&sampleEvery=0`;
    const { targetId } = await wire.send("Target.createTarget", { url: address });
    const { sessionId } = await wire.send("Target.attachToTarget", { targetId, flatten: true });
    const evaluate = async (expression: string) =>
      (await wire.send("Runtime.evaluate", { expression, returnByValue: true }, sessionId)).result.value;
    await eventually(() => evaluate("document.getElementById('start')?.disabled")).toBe(false);
    await evaluate("document.getElementById('start').click()");
    // What a hidden page shows is drawn when it is looked at again; its title says how it goes.
    const step = async () =>
      Number((/^([\d,]+) of/.exec(await evaluate("document.title"))?.[1] ?? "0").replaceAll(",", ""));
    const rate = async () => {
      const [began, before] = [performance.now(), await step()];
      await new Promise((resolve) => setTimeout(resolve, 4000));
      return ((await step()) - before) / ((performance.now() - began) / 1000);
    };
    await eventually(step).toBeGreaterThan(10);
    expect(await evaluate("document.visibilityState")).toBe("visible");
    const seen = await rate();
    const { windowId } = await wire.send("Browser.getWindowForTarget", { targetId });
    await wire.send("Browser.setWindowBounds", { windowId, bounds: { windowState: "minimized" } });
    await eventually(() => evaluate("document.visibilityState")).toBe("hidden");
    const hidden = await rate();
    console.log(`steps/s: ${seen.toFixed(1)} seen, ${hidden.toFixed(1)} hidden`);
    expect(hidden).toBeGreaterThan(seen / 4);
    expect(hidden).toBeGreaterThan(2);
  } finally {
    // Asked to, it ends its processes first; when killed, they would write to the profile a while longer.
    const ended = new Promise((resolve) => child.once("exit", resolve));
    wire.send("Browser.close").catch(() => child.kill());
    await ended;
    wire.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }
});

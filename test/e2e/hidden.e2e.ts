import type { CDPSession } from "@playwright/test";
import { findChromium } from "./chromium.ts";
import { eventually, expect, smallest, test } from "./training_page.ts";

const { path, args, env } = findChromium();
// Playwright's defaults switch off what browsers do to hidden tabs.
const unthrottled = [
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
];
test.use({ launchOptions: { executablePath: path, args, env, ignoreDefaultArgs: unthrottled } });

/**
 * In a tab that Playwright knows nothing of, since its own are always visible. A timer of a hidden tab fires once a second,
 * and it gets no animation frames at all.
 */
test("a hidden tab keeps training, at the same speed", async ({ browser, baseURL }) => {
  const session = await browser.newBrowserCDPSession();
  const url = `${baseURL}?${smallest}&steps=100000&sampleEvery=0`;
  const { targetId } = await session.send("Target.createTarget", { url });
  const evaluate = await attach(session, targetId);
  await eventually(() => evaluate("document.getElementById('start')?.disabled")).toBe(false);
  await evaluate("document.getElementById('start').click()");
  // What a hidden page shows is drawn when it is looked at again; its title says how it goes.
  const step = async () =>
    Number((/^([\d,]+) of/.exec(String(await evaluate("document.title")))?.[1] ?? "0").replaceAll(",", ""));
  const rate = async () => {
    const [began, before] = [performance.now(), await step()];
    await new Promise((resolve) => setTimeout(resolve, 4000));
    return ((await step()) - before) / ((performance.now() - began) / 1000);
  };
  await eventually(step).toBeGreaterThan(10);
  expect(await evaluate("document.visibilityState")).toBe("visible");
  const seen = await rate();
  const { windowId } = await session.send("Browser.getWindowForTarget", { targetId });
  await session.send("Browser.setWindowBounds", { windowId, bounds: { windowState: "minimized" } });
  await eventually(() => evaluate("document.visibilityState")).toBe("hidden");
  const hidden = await rate();
  console.log(`steps/s: ${seen.toFixed(1)} seen, ${hidden.toFixed(1)} hidden`);
  expect(hidden).toBeGreaterThan(seen / 4);
  expect(hidden).toBeGreaterThan(2);
  await session.send("Target.closeTarget", { targetId });
});

/** @returns evaluates an expression in this target */
async function attach(session: CDPSession, targetId: string): Promise<(expression: string) => Promise<unknown>> {
  const { sessionId } = await session.send("Target.attachToTarget", { targetId, flatten: false });
  let sent = 0;
  return (expression) => {
    const id = ++sent;
    const answered = new Promise<unknown>((resolve) => {
      session.on("Target.receivedMessageFromTarget", function listen({ message }) {
        const answer = JSON.parse(message);
        if (answer.id !== id) return;
        session.off("Target.receivedMessageFromTarget", listen);
        resolve(answer.result?.result.value);
      });
    });
    const params = { expression, returnByValue: true };
    const message = JSON.stringify({ id, method: "Runtime.evaluate", params });
    return session.send("Target.sendMessageToTarget", { sessionId, message }).then(() => answered);
  };
}

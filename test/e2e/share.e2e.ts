import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "@playwright/test";
import { pngOf } from "../cli/hostile.ts";
import { eventually, expect, smallest, test } from "./training_page.ts";

test("the address holds the settings, and the page says what it did not understand", async ({
  visit,
  page,
  context,
}) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await visit.open("test&preset=steady&seed=7&lrD=0.0002&colour=blue&batch=many");
  const setting = (label: string) => page.locator("#settings").getByLabel(label, { exact: true });
  await expect(setting("Seed")).toHaveValue("7");
  await expect(page.getByRole("radio", { name: /^Steady 64/ })).toBeChecked();
  await visit.says(/colour: unknown setting/);
  await visit.says(/batch=many: expected a whole number/);
  await page.getByRole("radio", { name: /^Tiny/ }).check();
  await page.getByLabel("Steps", { exact: true }).fill("90");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL("?steps=90&seed=7&test");
  await visit.button(/^Copy/).click();
  await visit.says(/in the clipboard/);
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(page.url());
  await page.goto(page.url());
  await expect(setting("Steps")).toHaveValue("90");
  await expect(setting("Seed")).toHaveValue("7");
});

test("a list of shortcuts, by its key and by its button", async ({ visit, page }) => {
  const { dialog } = visit;
  await visit.open("test");
  await visit.press("?");
  await expect(dialog.getByText("Play or pause")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await visit.button("Keyboard shortcuts").click();
  await visit.button("Close", dialog).click();
  await expect(dialog).toBeHidden();
});

test("the light or dark theme is chosen and remembered", async ({ visit, page }) => {
  await visit.open("test");
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = await background();
  await visit.press("t");
  await eventually(background).not.toBe(before);
  const chosen = await background();
  await page.reload();
  expect(await background()).toBe(chosen);
  await visit.button("Light or dark").click();
  await eventually(background).toBe(before);
});

test("everything is reached by the tab key, and the focus is visible", async ({ visit, page }) => {
  const reached = new Set<string>();
  await visit.open("test");
  await expect(visit.startButton).toBeEnabled();
  for (let i = 0; i < 80; i++) {
    await page.keyboard.press("Tab");
    const focus = await page.evaluate(() => {
      const { activeElement } = document;
      if (!activeElement || activeElement === document.body) return null;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(
        activeElement.closest("label") ?? activeElement,
      );
      const own = getComputedStyle(activeElement);
      const visible = [outlineStyle, own.outlineStyle].some((style) => style !== "none") || boxShadow !== "none";
      return { id: activeElement.id || activeElement.outerHTML.slice(0, 80), visible, outlineWidth };
    });
    if (focus === null) break;
    reached.add(focus.id);
    expect(focus.visible, `focus on ${focus.id}`).toBe(true);
  }
  for (const id of ["start", "theme", "copy-link", "show-shortcuts", "upload", "set-steps"])
    expect(reached).toContain(id);
});

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds that keeps people out. */
async function obstacles(page: Page): Promise<string[]> {
  // The page's policy allows no script from elsewhere: a debugger's may run.
  const session = await page.context().newCDPSession(page);
  const evaluate = async (expression: string) => {
    const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  await evaluate(`${axe}; undefined`);
  const found = await evaluate(`axe.run({ resultTypes: ["violations"] }).then(({ violations }) => violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, help, nodes }) => nodes.map(({ target, failureSummary }) =>
      id + ": " + help + ": " + target.join(" ") + ": " + failureSummary)))`);
  await session.detach();
  return found;
}

const looks = (["light", "dark"] as const).flatMap((colorScheme) =>
  [360, 1024, 1280, 1600].map((width) => ({ colorScheme, width })),
);

test("the page is accessible, before a run and during one, on a phone and a desk, in light and dark", async ({
  visit,
  page,
}) => {
  await visit.open(`${smallest}&steps=60&sampleEvery=10`);
  await expect(visit.startButton).toBeEnabled();
  const checked = async (name: string) => {
    for (const { colorScheme, width } of looks) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.setViewportSize({ width, height: 900 });
      await page.waitForTimeout(200);
      await visit.screenshot(`${name}-${width}-${colorScheme}`);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(overflow, `${name} at ${width} px is wider than the window`).toBeLessThanOrEqual(0);
      if (width === 360 || width === 1280) {
        expect(await obstacles(page), `${name} at ${width} px in ${colorScheme}`).toEqual([]);
      }
    }
  };
  await checked("idle");
  const files = [0, 1, 2, 3].map((i) => ({
    name: `${i}.png`,
    mimeType: "image/png",
    buffer: Buffer.from(pngOf(20, 30, (x, y) => [x * 12, y * 8, i * 60])),
  }));
  await visit.bring(files);
  await expect(page.getByText(/^4 pictures read/)).toBeVisible();
  await page.locator("#fields summary").last().click();
  await visit.startButton.click();
  await expect(visit.phase).toHaveText(/^Finished/);
  await page.locator("#draw-source").selectOption({ index: 1 });
  await expect(visit.drawRoom).toBeVisible();
  await page.getByLabel("Channels, G", { exact: true }).fill("3");
  await page.keyboard.press("Tab");
  await checked("run");
});

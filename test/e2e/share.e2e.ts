import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { pngOf } from "../cli/hostile.ts";
import { eventually, smallest, useBrowser, type Visit, type Visitor } from "./visit.ts";

const browser = useBrowser();
let visitor: Visitor;
let visit: Visit;

test("the address holds the settings, and says what of it was not understood", async () => {
  visitor = await browser.visitor({ permissions: ["clipboard-read", "clipboard-write"] });
  visit = await visitor.open("test&preset=steady&seed=7&lrD=0.0002&colour=blue&batch=many");
  const value = (label: string) => visit.page.locator("#settings").getByLabel(label, { exact: true }).inputValue();
  expect(await value("Seed")).toBe("7");
  expect(await visit.page.getByRole("radio", { name: /^Steady 64/ }).isChecked()).toBe(true);
  await visit.says(/colour: there is no such setting/);
  await visit.says(/batch=many: expected a whole number/);
  await visit.page.getByRole("radio", { name: /^Tiny/ }).check();
  await visit.page.getByLabel("Steps", { exact: true }).fill("90");
  await visit.page.keyboard.press("Enter");
  await eventually(() => new URL(visit.page.url()).search).toBe("?steps=90&seed=7&test");
  await visit.button(/^Copy/).click();
  await visit.says(/in the clipboard/);
  expect(await visit.page.evaluate(() => navigator.clipboard.readText())).toBe(visit.page.url());
  await visit.page.goto(visit.page.url());
  expect(await value("Steps")).toBe("90");
  expect(await value("Seed")).toBe("7");
});

test("a list of shortcuts, by its key and by its button", async () => {
  const dialog = visit.page.getByRole("dialog");
  await visit.press("?");
  await dialog.getByText("Play or pause").waitFor();
  await visit.page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  await visit.button("Keyboard shortcuts").click();
  await visit.button("Close", dialog).click();
  await dialog.waitFor({ state: "hidden" });
});

test("light or dark is chosen, and kept", async () => {
  const background = () => visit.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = await background();
  await visit.press("t");
  await eventually(background).not.toBe(before);
  const chosen = await background();
  await visit.page.reload();
  expect(await background()).toBe(chosen);
  await visit.button("Light or dark").click();
  await eventually(background).toBe(before);
  await visit.page.evaluate(() => localStorage.clear());
});

test("everything is reached by the tab key, and what has the focus shows it", async () => {
  const reached = new Set<string>();
  await visit.page.reload();
  await eventually(() => visit.page.locator("#start").isEnabled()).toBe(true);
  for (let i = 0; i < 80; i++) {
    await visit.page.keyboard.press("Tab");
    const focus = await visit.page.evaluate(() => {
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
async function obstacles(): Promise<string[]> {
  // The page's policy allows no script from elsewhere: a debugger's may run.
  const session = await visit.page.context().newCDPSession(visit.page);
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

test("nothing keeps people out, before a run and in one, on a phone and a desk, in light and dark", async () => {
  await visit.page.goto(`${new URL(visit.page.url()).origin}/?${smallest}&steps=60&sampleEvery=10`);
  await eventually(() => visit.page.locator("#start").isEnabled()).toBe(true);
  const checked = async (name: string) => {
    for (const { colorScheme, width } of looks) {
      await visit.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await visit.page.setViewportSize({ width, height: 900 });
      await visit.page.waitForTimeout(200);
      await visit.screenshot(`${name}-${width}-${colorScheme}`);
      const overflow = await visit.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(overflow, `${name} at ${width} px is wider than the window`).toBeLessThanOrEqual(0);
      if (width === 360 || width === 1280) {
        expect(await obstacles(), `${name} at ${width} px in ${colorScheme}`).toEqual([]);
      }
    }
  };
  await checked("idle");
  const files = [0, 1, 2, 3].map((i) => ({
    name: `${i}.png`,
    mimeType: "image/png",
    buffer: Buffer.from(pngOf(20, 30, (x, y) => [x * 12, y * 8, i * 60])),
  }));
  await visit.page.getByLabel("Choose files or a zip…").setInputFiles(files);
  await visit.page.getByText(/^4 pictures read/).waitFor();
  await visit.page.locator("#fields summary").last().click();
  await visit.start();
  await eventually(() => visit.text("phase-word")).toMatch(/^finished/);
  await visit.page.locator("#draw-source").selectOption({ index: 1 });
  await visit.page.locator(".draw-room").waitFor();
  await visit.page.getByLabel("Channels, G", { exact: true }).fill("3");
  await visit.page.keyboard.press("Tab");
  await checked("run");
});

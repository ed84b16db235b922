/** A visitor of the page: what tests do with it and see of it, and all that must never happen while they do. */
import { readFileSync } from "node:fs";
import type { Browser, BrowserContext, BrowserContextOptions, Download, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject } from "vitest";
import { checkpointInfo } from "../../src/train/checkpoint.ts";
import type { Config } from "../../src/train/config.ts";
import { decodeSafetensors } from "../../src/train/safetensors.ts";
import { launchChromium } from "./chromium.ts";

/** The smallest networks: what they draw does not matter. Without measuring, and with the hooks for tests. */
export const smallest = "test&size=16&base=2&baseD=2&z=4&batch=4";

/** A busy machine with two cores is slow; what hangs, hangs longer than this. */
export const patience = 240_000;

/** Waits until `look` gives something that passes, as `eventually(() => visit.step()).toBe(3)`. */
export const eventually = <T>(look: () => T | Promise<T>, message?: string) =>
  expect.poll(look, { timeout: patience, interval: 100, message });

/**
 * A browser for the tests of a file. After every test none of its tabs may have written an error to the console, met the
 * Content-Security-Policy or asked another host for anything.
 */
export function useBrowser(): { visitor(options?: BrowserContextOptions): Promise<Visitor> } {
  let browser: Browser;
  const problems: string[] = [];
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
  });
  // Tests of a group continue one another's visit.
  beforeEach(({ task, skip }) => {
    const failed = [task.suite, task.suite?.suite, task.file].some((group) =>
      group?.tasks.some(({ result, type }) => type === "test" && result?.state === "fail"),
    );
    skip(failed, "one before it failed");
  });
  afterEach(() => {
    expect(problems.splice(0)).toEqual([]);
  });
  return {
    async visitor(options = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
      context.setDefaultTimeout(patience);
      await watchFor(problems, context);
      return new Visitor(context);
    },
  };
}

async function watchFor(problems: string[], context: BrowserContext): Promise<void> {
  const home = new URL(inject("site")).origin;
  context.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${home}/`) && !/^(blob|data):/.test(url)) problems.push(`outside request: ${url}`);
  });
  context.on("requestfailed", (request) => {
    const [url, reason] = [request.url(), request.failure()?.errorText ?? ""];
    // A page that is reloaded stops loading its pictures. One that was revoked too early is "not found".
    if (!(url.startsWith("blob:") && /ABORTED/.test(reason))) problems.push(`failed request: ${url} (${reason})`);
  });
  context.on("weberror", (error) => problems.push(`uncaught: ${error.error().stack}`));
  context.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") {
      problems.push(`console ${message.type()}: ${message.text()}`);
    }
  });
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`Content-Security-Policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
}

/** A person with a browser profile of their own, which holds runs and settings. */
export class Visitor {
  constructor(readonly context: BrowserContext) {}

  /** @param query the address after the question mark */
  async open(query = ""): Promise<Visit> {
    const page = await this.context.newPage();
    await page.goto(query ? `${inject("site")}?${query}` : inject("site"));
    return new Visit(page);
  }
}

/** A tab. */
export class Visit {
  constructor(readonly page: Page) {}

  button(name: string | RegExp, inside: Page | Locator = this.page): Locator {
    return inside.getByRole("button", { name, exact: typeof name === "string" });
  }

  async text(id: string): Promise<string> {
    return (await this.page.locator(`#${id}`).textContent()) ?? "";
  }

  /** The step that the page shows; 0 while no run is open, whatever was shown of the one before. */
  async step(): Promise<number> {
    if (await this.page.locator("#transport").isHidden()) return 0;
    return Number((await this.text("n-step")).split(" / ")[0].replaceAll(",", ""));
  }

  /** The step whose fakes are shown; null while there are none. */
  async drawnStep(): Promise<number | null> {
    const caption = await this.text("fakes-caption");
    if (caption.startsWith("untrained")) return 0;
    const [, step] = /^after ([\d,]+) steps/.exec(caption) ?? [];
    return step === undefined ? null : Number(step.replaceAll(",", ""));
  }

  async start(): Promise<void> {
    await this.page.locator("#start").click();
  }

  /** A key, with the focus on nothing that has a use for it. */
  async press(key: string): Promise<void> {
    await this.page.locator("h1").click();
    await this.page.keyboard.press(key);
  }

  /** Resolves when training has got to this step. */
  async reaches(step: number): Promise<void> {
    await eventually(() => this.step(), `the step, waiting for ${step}`).toBeGreaterThanOrEqual(step);
  }

  /** Pauses, with all that it brings: finishes the step in hand, saves. */
  async pause(): Promise<void> {
    await this.button("Pause").click();
    await this.shows("phase-word", /^paused/);
  }

  async shows(id: string, text: string | RegExp): Promise<void> {
    await eventually(() => this.text(id), `#${id}`).toMatch(text);
  }

  /** What the page has to say above the pictures. */
  async notices(): Promise<string[]> {
    return await this.page.locator("#notices p").allTextContents();
  }

  async says(text: RegExp): Promise<void> {
    await eventually(async () => (await this.notices()).join("\n"), "notices").toMatch(text);
  }

  /** A saved run in the list. */
  run(name: string): Locator {
    const heading = this.page.getByRole("heading", { name, exact: true, level: 3 });
    return this.page.locator("#run-list > li").filter({ has: heading });
  }

  /** Presses what hands out a file. */
  async downloads(press: Locator): Promise<{ name: string; path: string; bytes: Buffer }> {
    const [download] = await Promise.all([this.page.waitForEvent("download"), press.click()]);
    return await keep(download);
  }

  /** What a picture shows at the moment, as a PNG. */
  async pictureOf(selector: string): Promise<Buffer> {
    return await this.page.locator(selector).screenshot();
  }

  /** For people to look at: the whole page, to dist/screenshots. */
  async screenshot(name: string): Promise<void> {
    await this.page.screenshot({ path: `dist/screenshots/${name}.png`, fullPage: true });
  }
}

async function keep(download: Download): Promise<{ name: string; path: string; bytes: Buffer }> {
  const path = await download.path();
  return { name: download.suggestedFilename(), path, bytes: readFileSync(path) };
}

/** All that a run goes on from: equal for runs that would go on equally. */
export function stateOf(checkpoint: Uint8Array): { step: number; config: Config; tensors: Record<string, Buffer> } {
  const { tensors, metadata } = decodeSafetensors(checkpoint);
  const { step, config } = checkpointInfo(metadata);
  const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) =>
    Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
  return { step, config, tensors: Object.fromEntries([...tensors].map(([name, { data }]) => [name, bytes(data)])) };
}

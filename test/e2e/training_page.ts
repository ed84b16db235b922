/** The training page as a person uses it, and what must never happen meanwhile. */
import { readFileSync } from "node:fs";
import { type BrowserContext, test as base, expect, type Locator, type Page } from "@playwright/test";
import type { Config } from "../../src/train/config.ts";
import { decodeSafetensors } from "../../src/train/safetensors.ts";

export { expect };

/** The smallest networks: what they draw does not matter. Without measuring, and with the hooks for tests. */
export const smallest = "test&size=16&base=2&baseD=2&z=4&batch=4";

/** Waits until `look` gives something that passes, as `eventually(() => visit.step()).toBe(3)`. */
export const eventually = <T>(look: () => T | Promise<T>, message?: string) =>
  expect.poll(look, { intervals: [100], message });

/**
 * `visit` is the page in the test's own tab. No tab of its browser profile may write an error or a warning to the
 * console, violate the Content-Security-Policy, fail to load something or make a request to another host.
 */
export const test = base.extend<{ visit: TrainingPage }>({
  context: async ({ context, baseURL }, use) => {
    const problems = await watchForProblems(context, baseURL!);
    await use(context);
    expect(problems).toEqual([]);
  },
  visit: async ({ page }, use) => {
    await use(new TrainingPage(page));
  },
});

async function watchForProblems(context: BrowserContext, home: string): Promise<string[]> {
  const problems: string[] = [];
  context.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(home) && !/^(blob|data):/.test(url)) problems.push(`outside request: ${url}`);
  });
  context.on("requestfailed", (request) => {
    const [url, reason] = [request.url(), request.failure()?.errorText ?? ""];
    // A page that is reloaded stops loading its pictures. A picture that was revoked too early is "not found".
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
  return problems;
}

export class TrainingPage {
  readonly startButton: Locator;
  /** What the run is doing: training, paused, finished. */
  readonly phase: Locator;
  /** What the page reports above the pictures. */
  readonly notices: Locator;
  readonly timeline: Locator;
  readonly drawRoom: Locator;
  readonly dialog: Locator;

  constructor(readonly page: Page) {
    this.startButton = page.locator("#start");
    this.phase = page.locator("#phase-word");
    this.notices = page.locator("#notices p");
    this.timeline = page.locator("#timeline");
    this.drawRoom = page.locator(".draw-room");
    this.dialog = page.getByRole("dialog");
  }

  /** @param query the address after the question mark */
  async open(query = ""): Promise<void> {
    await this.page.goto(query ? `?${query}` : "");
  }

  async start(query: string): Promise<void> {
    await this.open(query);
    await this.startButton.click();
  }

  /** Trains a run to its end, and leaves it open. */
  async trainToTheEnd(query: string): Promise<void> {
    await this.start(query);
    await expect(this.phase).toHaveText(/^Finished/);
  }

  button(name: string | RegExp, inside: Page | Locator = this.page): Locator {
    return inside.getByRole("button", { name, exact: typeof name === "string" });
  }

  /** What the page shows by this id. */
  shown(id: string): Locator {
    return this.page.locator(`#${id}`);
  }

  /** The step that the page shows; 0 while no run is open, whatever was shown of the one before. */
  async step(): Promise<number> {
    if (await this.shown("transport").isHidden()) return 0;
    return Number((await this.shown("n-step").textContent())!.split(" / ")[0].replaceAll(",", ""));
  }

  /** The step whose samples are shown; null while there are none. */
  async drawnStep(): Promise<number | null> {
    const caption = (await this.shown("fakes-caption").textContent())!;
    if (caption.startsWith("untrained")) return 0;
    const [, step] = /^after ([\d,]+) steps/.exec(caption) ?? [];
    return step === undefined ? null : Number(step.replaceAll(",", ""));
  }

  /** Resolves when training has got to this step. */
  async reaches(step: number): Promise<void> {
    await eventually(() => this.step(), `the step, waiting for ${step}`).toBeGreaterThanOrEqual(step);
  }

  async trains(steps: number): Promise<void> {
    await this.reaches((await this.step()) + steps);
  }

  /** Pauses, with all that it brings: finishes the current step, saves. */
  async pause(): Promise<void> {
    await this.button("Pause").click();
    await expect(this.phase).toHaveText(/^paused/);
  }

  async stop(): Promise<void> {
    await this.button("Stop").click();
    await expect(this.shown("transport")).toBeHidden();
  }

  /** Types a setting. */
  async set(label: string, value: string): Promise<void> {
    await this.page.getByLabel(label, { exact: true }).fill(value);
    await this.page.keyboard.press("Tab");
  }

  /** Presses a key, with the focus on nothing that uses it. */
  async press(key: string): Promise<void> {
    await this.page.locator("h1").click();
    await this.page.keyboard.press(key);
  }

  async says(text: RegExp): Promise<void> {
    await expect(this.shown("notices")).toContainText(text);
  }

  /** What the page reports at this moment: waiting would hide what comes and goes. */
  async saysNothing(): Promise<void> {
    expect(await this.notices.allTextContents()).toEqual([]);
  }

  /** A saved run in the list. */
  run(name: string): Locator {
    const heading = this.page.getByRole("heading", { name, exact: true, level: 3 });
    return this.page.locator("#run-list > li").filter({ has: heading });
  }

  async bring(files: Parameters<Locator["setInputFiles"]>[0]): Promise<void> {
    await this.page.getByLabel("Choose files or a zip…").setInputFiles(files);
  }

  async upload(name: string, bytes: Uint8Array): Promise<void> {
    const file = { name, mimeType: "application/octet-stream", buffer: Buffer.from(bytes) };
    await this.shown("upload").setInputFiles(file);
  }

  /** Presses what hands out a file. */
  async downloads(press: Locator): Promise<{ name: string; path: string; bytes: Buffer }> {
    const [download] = await Promise.all([this.page.waitForEvent("download"), press.click()]);
    const path = await download.path();
    return { name: download.suggestedFilename(), path, bytes: readFileSync(path) };
  }

  /** For people to look at: the whole page, to dist/screenshots. */
  async screenshot(name: string): Promise<void> {
    await this.page.screenshot({ path: `dist/screenshots/${name}.png`, fullPage: true });
  }

  /** Destroys the training worker's GPU device. */
  async destroyDevice(): Promise<void> {
    await this.page.evaluate(() =>
      (window as unknown as { catgan: { destroyDevice(): Promise<void> } }).catgan.destroyDevice(),
    );
  }
}

/** All that a run resumes from: equal for runs that would continue equally. */
export function stateOf(checkpoint: Uint8Array): { step: number; config: Config; tensors: Record<string, Buffer> } {
  const { tensors, metadata } = decodeSafetensors(checkpoint);
  const [step, config] = [JSON.parse(metadata.step), JSON.parse(metadata.config)];
  const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) =>
    Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
  return { step, config, tensors: Object.fromEntries([...tensors].map(([name, { data }]) => [name, bytes(data)])) };
}

/** What becomes of runs when the browser's storage, the files in it or the GPU fail; and foreign files. */
import { expect, inject, test } from "vitest";
import { decodeSafetensors, encodeSafetensors } from "../../src/train/safetensors.ts";
import { pngOf } from "../cli/hostile.ts";
import { eventually, smallest, stateOf, useBrowser, type Visit, type Visitor } from "./visit.ts";

const browser = useBrowser();
const { origin } = new URL(inject("site"));
let visitor: Visitor;
let visit: Visit;

/** Calls of `persist()` so far, in this tab. */
const persistCalls = () => visit.page.evaluate(() => (window as unknown as { persists: number }).persists);

async function pictured(name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await visit.page.emulateMedia({ colorScheme });
    await visit.page.waitForTimeout(200);
    await visit.screenshot(`${name}-${colorScheme}`);
  }
}

test("storage that stays is asked for on start, continue and upload, and the answer is shown", async () => {
  visitor = await browser.visitor();
  await visitor.context.addInitScript(() => {
    const page = window as unknown as { persists: number; grants: boolean };
    const { storage } = navigator;
    // There is none on the empty page that a tab begins with.
    if (!storage) return;
    const persist = storage.persist.bind(storage);
    page.persists = 0;
    StorageManager.prototype.persist = async () => {
      page.persists++;
      return page.grants || (await persist());
    };
  });
  visit = await visitor.open(`${smallest}&steps=20000&sampleEvery=20`);
  await visit.shows("runs-kept", /^Your browser may delete runs when disk space runs low/);
  expect(await persistCalls()).toBe(0);
  await visit.start();
  await visit.reaches(3);
  expect(await persistCalls()).toBe(1);
  await visit.pause();
  await visit.button("Stop").click();
  await visit.button("Continue Tiny cats").click();
  await visit.reaches(4);
  expect(await persistCalls()).toBe(2);
  await visit.pause();
  const { path } = await visit.downloads(visit.button("Download Tiny cats"));
  await visit.page.evaluate(() => Object.assign(window, { grants: true }));
  await visit.page.locator("#upload").setInputFiles(path);
  await eventually(persistCalls).toBe(3);
  await visit.shows("runs-kept", /^Your browser keeps these runs until you delete them/);
});

test("site data that are cleared while it trains: the run is stored again, as it is", async () => {
  await visit.button("Play").click();
  const session = await visitor.context.newCDPSession(visit.page);
  await session.send("Storage.clearDataForOrigin", { origin, storageTypes: "all" });
  const before = await visit.step();
  await visit.reaches(before + 5);
  await visit.shows("phase-word", "training");
  await visit.press("s");
  await visit.says(/This site's data were cleared while Tiny cats was training/);
  await visit.pause();
  await pictured("site-data-cleared");
  const saved = await visit.step();
  await visit.button("Stop").click();
  const kept = stateOf((await visit.downloads(visit.button("Download Tiny cats"))).bytes);
  expect(kept.step).toBe(saved);
  await visit.page.reload();
  await visit.button("Continue Tiny cats").click();
  await visit.reaches(saved + 3);
  expect(await visit.notices()).toEqual([]);
});

test("a storage that fails for good: training goes on, the state is offered as a file, nothing closes unasked", async () => {
  for (const worker of visit.page.workers()) {
    await worker.evaluate(() => {
      FileSystemDirectoryHandle.prototype.getFileHandle = async () => {
        throw new DOMException("the disk does not answer", "InvalidStateError");
      };
    });
  }
  await visit.press("s");
  await visit.says(
    /The run could not be saved: the disk does not answer\. Training continues, and saving will be tried again/,
  );
  const before = await visit.step();
  await visit.reaches(before + 5);
  const notice = visit.page.locator('[data-kind="storage"]');
  const { bytes, name } = await visit.downloads(visit.button("Download", notice));
  const { step } = stateOf(bytes);
  expect(step).toBeGreaterThanOrEqual(before);
  expect(name).toBe(`Tiny cats-step-${step}.safetensors`);
  await visit.pause();
  await pictured("storage-fails");
  await visit.button("Stop").click();
  await visit.says(/the run stays open, as it could not be saved/);
  await visit.button("Close without saving", notice).click();
  await eventually(() => visit.page.locator("#transport").isHidden()).toBe(true);
  await visit.page.close();
});

test("damaged records: the run is recovered; a run that is damaged throughout stays listed, for the person to delete", async () => {
  visit = await visitor.open("test");
  await visit.run("Tiny cats").waitFor();
  /** Turns a byte of these files of the only run. */
  const damage = (files: string[]) =>
    visit.page.evaluate(async (names) => {
      const runs = await (await navigator.storage.getDirectory()).getDirectoryHandle("runs");
      for await (const run of runs.values()) {
        for (const name of names) {
          const handle = await (run as FileSystemDirectoryHandle).getFileHandle(name);
          const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
          bytes[40] ^= 1;
          const writable = await handle.createWritable();
          await writable.write(bytes);
          await writable.close();
        }
      }
    }, files);
  const records = ["run.0.json", "run.1.json"];
  await damage(records);
  await visit.page.reload();
  await visit.run("Recovered run").getByText("The run was recovered from its checkpoint.").waitFor();
  await pictured("recovered-run");
  await visit.button("Continue Recovered run").click();
  await visit.reaches(1);
  await visit.pause();
  await visit.button("Stop").click();
  await eventually(() => visit.page.locator("#transport").isHidden()).toBe(true);
  await damage([...records, "a.safetensors", "b.safetensors"]);
  await visit.page.reload();
  const card = visit.page.locator("#run-list > li");
  await card
    .getByText("It cannot be opened: both copies of its record are damaged, and so is every checkpoint.")
    .waitFor();
  await pictured("damaged-run");
  const { name } = await visit.downloads(visit.button(/^Download/, card));
  expect(name).toMatch(/^run-.*-damaged\.safetensors$/);
  await visit.button(/^Delete/, card).click();
  await visit.button("Delete", visit.page.getByRole("dialog")).click();
  await eventually(() => card.count()).toBe(0);
});

test("fewer pictures than a batch: said before Start, with what to do", async () => {
  const files = [0, 1, 2].map((i) => ({
    name: `${i}.png`,
    mimeType: "image/png",
    buffer: Buffer.from(pngOf(20, 20, (x, y) => [x * 12, y * 8, i * 60])),
  }));
  await visit.page.goto(`${origin}/?${smallest}`);
  await eventually(() => visit.page.locator("#start").isEnabled()).toBe(true);
  await visit.page.getByLabel("Choose files or a zip…").setInputFiles(files);
  await visit.shows("curtain-text", "3 pictures, but a batch is 4: choose a batch of 3, or add pictures");
  expect(await visit.page.locator("#start").isDisabled()).toBe(true);
  await visit.press("Space");
  await pictured("few-pictures");
  expect(await visit.notices()).toEqual([]);
  await visit.page.goto(`${origin}/?${smallest.replace("batch=4", "batch=3")}&steps=4`);
  await visit.page.getByLabel("Choose files or a zip…").setInputFiles(files);
  await eventually(() => visit.page.locator("#start").isEnabled()).toBe(true);
});

test("a hostile checkpoint: what it says of itself is shown as text that can neither act nor turn the page around", async () => {
  await visit.page.goto(`${origin}/?${smallest}&steps=4`);
  await visit.start();
  await visit.shows("phase-word", /^finished/);
  await visit.button("Stop").click();
  const { bytes } = await visit.downloads(visit.button("Download Tiny cats"));
  const { tensors, metadata } = decodeSafetensors(bytes);
  const hostile = '<img src=x onerror="document.title=1">\u202e\u0007\u2066\u009b31m';
  const pictures = JSON.parse(metadata.pictures);
  pictures.source.data = hostile + "x".repeat(100_000);
  const machine = { adapter: hostile, variants: { [hostile]: hostile } };
  const file = encodeSafetensors(tensors, {
    ...metadata,
    pictures: JSON.stringify(pictures),
    machine: JSON.stringify(machine),
  });
  const name = "<b>\u202egnp.cats";
  await visit.page.locator("#upload").setInputFiles({
    name: `${name}.safetensors`,
    mimeType: "application/octet-stream",
    buffer: Buffer.from(file),
  });
  const shown = "<b>\ufffdgnp.cats";
  await visit.run(shown).waitFor();
  await visit.button(`Rename ${shown}`).click();
  expect(await visit.page.locator("#ask-name").inputValue()).toBe(shown);
  await visit.page.keyboard.press("Escape");
  await visit.button(`Draw ${shown}`).click();
  await visit.page.locator(".draw-room").waitFor();
  await visit.button(`Open ${shown}`).click();
  await visit.says(/its training pictures .* are not in this browser/);
  const extra = new Map([...tensors, [hostile, { shape: [1], data: Float32Array.of(1) }]]);
  await visit.page.locator("#upload").setInputFiles({
    name: "extra.safetensors",
    mimeType: "application/octet-stream",
    buffer: Buffer.from(encodeSafetensors(extra, metadata)),
  });
  await visit.says(/checkpoint: it has a tensor .* that its networks do not use/);
  await pictured("hostile-checkpoint");
  const [text, markup, overflow] = await visit.page.evaluate(() => [
    [
      document.body.innerText,
      ...[...document.querySelectorAll("*")].flatMap((e) => [...e.attributes].map((a) => a.value)),
    ].join(""),
    document.querySelectorAll("main b img, #run-list img[src=x], #run-list b, #notices img").length,
    Math.max(
      document.documentElement.scrollWidth - innerWidth,
      ...[...document.querySelectorAll("#run-list > li")].map((card) => card.scrollWidth - card.clientWidth),
    ),
  ]);
  expect(text).not.toMatch(/[\p{Cs}\u202a-\u202e\u2066-\u2069]/u);
  expect((text as string).replace(/[\n\t]/g, " ")).not.toMatch(/\p{Cc}/u);
  expect([markup, overflow]).toEqual([0, 0]);
  await visit.page.close();
});

test("a GPU that the browser blocks after a loss is waited for; people can try at once, give up, and try again", async () => {
  visit = await visitor.open(`${smallest}&steps=20000&sampleEvery=0`);
  await visit.start();
  await visit.reaches(5);
  await visit.press("s");
  await visit.shows("n-saved", "just now");
  const block = async (blocked: boolean) => {
    for (const worker of visit.page.workers()) {
      await worker.evaluate((on) => {
        const scope = globalThis as unknown as { asked?: GPU["requestAdapter"] };
        scope.asked ??= GPU.prototype.requestAdapter;
        GPU.prototype.requestAdapter = on ? async () => null : scope.asked;
      }, blocked);
    }
  };
  const destroyDevice = () =>
    visit.page.evaluate(() =>
      (window as unknown as { catgan: { destroyDevice(): Promise<void> } }).catgan.destroyDevice(),
    );
  await block(true);
  await destroyDevice();
  await visit.says(/The browser gives this page no GPU at the moment\..* Next attempt \(3 of 6\) in 8 s\./);
  await pictured("gpu-wait");
  await block(false);
  await visit.button("Try now").click();
  await visit.shows("phase-word", "training");
  await visit.says(/The GPU was lost: .* on a new device, try 1 of 3/);
  await visit.reaches((await visit.step()) + 5);
  await block(true);
  await destroyDevice();
  await visit.button("Stop waiting").click();
  await visit.says(/The GPU is gone: .* restart the browser, then continue this run: what was saved is safe/);
  await visit.shows("phase-word", "stopped");
  await pictured("gpu-gone");
  await block(false);
  await visit.button("Try again").click();
  await visit.shows("phase-word", "training");
  await visit.reaches((await visit.step()) + 3);
  await visit.pause();
});

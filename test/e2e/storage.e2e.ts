/** What becomes of runs when the browser's storage, the files in it or the GPU fail; and foreign files. */
import { decodeSafetensors, encodeSafetensors } from "../../src/train/safetensors.ts";
import { pngOf } from "../cli/hostile.ts";
import { eventually, expect, smallest, stateOf, type TrainingPage, test } from "./training_page.ts";

const endless = `${smallest}&steps=20000&sampleEvery=20`;

async function pictured(visit: TrainingPage, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await visit.page.emulateMedia({ colorScheme });
    await visit.page.waitForTimeout(200);
    await visit.screenshot(`${name}-${colorScheme}`);
  }
}

test("persistent storage is requested on start, continue and upload, and the answer is shown", async ({
  visit,
  context,
}) => {
  await context.addInitScript(() => {
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
  /** Calls of `persist()` so far, in this tab. */
  const persistCalls = () => visit.page.evaluate(() => (window as unknown as { persists: number }).persists);
  await visit.open(endless);
  await expect(visit.shown("runs-kept")).toHaveText(/^Your browser may delete runs when disk space runs low/);
  expect(await persistCalls()).toBe(0);
  await visit.startButton.click();
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
  await visit.shown("upload").setInputFiles(path);
  await eventually(persistCalls).toBe(3);
  await expect(visit.shown("runs-kept")).toHaveText(/^Your browser keeps these runs until you delete them/);
});

test("site data that are cleared while it trains: the run is stored again, as it is", async ({
  visit,
  context,
  baseURL,
}) => {
  await visit.start(endless);
  await visit.reaches(3);
  const session = await context.newCDPSession(visit.page);
  const { origin } = new URL(baseURL!);
  await session.send("Storage.clearDataForOrigin", { origin, storageTypes: "all" });
  await visit.trains(5);
  await expect(visit.phase).toHaveText("training");
  await visit.press("s");
  await visit.says(/This site's data were cleared while Tiny cats was training/);
  await visit.pause();
  await pictured(visit, "site-data-cleared");
  const saved = await visit.step();
  await visit.stop();
  const kept = stateOf((await visit.downloads(visit.button("Download Tiny cats"))).bytes);
  expect(kept.step).toBe(saved);
  await visit.page.reload();
  await visit.button("Continue Tiny cats").click();
  await visit.reaches(saved + 3);
  await visit.saysNothing();
});

test("storage fails for good: training continues, the state is offered as a file, nothing closes without asking", async ({
  visit,
}) => {
  await visit.start(endless);
  await visit.reaches(3);
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
  await pictured(visit, "storage-fails");
  await visit.button("Stop").click();
  await visit.says(/the run stays open, as it could not be saved/);
  await visit.button("Close without saving", notice).click();
  await expect(visit.shown("transport")).toBeHidden();
});

test("damaged records: the run is recovered; a run that is damaged throughout stays listed, for the user to delete", async ({
  visit,
}) => {
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
  await visit.start(endless);
  await visit.reaches(1);
  await visit.pause();
  await visit.stop();
  await damage(records);
  await visit.page.reload();
  const recovered = visit.run("Recovered run").getByText("The run was recovered from its checkpoint.");
  await expect(recovered).toBeVisible();
  await pictured(visit, "recovered-run");
  await visit.button("Continue Recovered run").click();
  await visit.reaches(1);
  await visit.pause();
  await visit.stop();
  await damage([...records, "a.safetensors", "b.safetensors"]);
  await visit.page.reload();
  const card = visit.page.locator("#run-list > li");
  const reason = "It cannot be opened: both copies of its record are damaged, and so is every checkpoint.";
  await expect(card.getByText(reason)).toBeVisible();
  await pictured(visit, "damaged-run");
  const { name } = await visit.downloads(visit.button(/^Download/, card));
  expect(name).toMatch(/^run-.*-damaged\.safetensors$/);
  await visit.button(/^Delete/, card).click();
  await visit.button("Delete", visit.dialog).click();
  await expect(card).toHaveCount(0);
});

test("fewer pictures than a batch: said before Start, with what to do", async ({ visit }) => {
  const files = [0, 1, 2].map((i) => ({
    name: `${i}.png`,
    mimeType: "image/png",
    buffer: Buffer.from(pngOf(20, 20, (x, y) => [x * 12, y * 8, i * 60])),
  }));
  await visit.open(smallest);
  await expect(visit.startButton).toBeEnabled();
  await visit.bring(files);
  const advice = "3 pictures, but a batch is 4: choose a batch of 3, or add pictures";
  await expect(visit.shown("curtain-text")).toContainText(advice);
  await expect(visit.startButton).toBeDisabled();
  await visit.press("Space");
  await pictured(visit, "few-pictures");
  await visit.saysNothing();
  await visit.open(`${smallest.replace("batch=4", "batch=3")}&steps=4`);
  await visit.bring(files);
  await expect(visit.startButton).toBeEnabled();
});

test("a hostile checkpoint: its metadata is shown as text that can neither run nor reverse the page's text", async ({
  visit,
}) => {
  await visit.trainToTheEnd(`${smallest}&steps=4`);
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
  await visit.upload("<b>\u202egnp.cats.safetensors", file);
  const shown = "<b>\ufffdgnp.cats";
  await expect(visit.run(shown)).toBeVisible();
  await visit.button(`Rename ${shown}`).click();
  await expect(visit.shown("ask-name")).toHaveValue(shown);
  await visit.page.keyboard.press("Escape");
  await visit.button(`Draw ${shown}`).click();
  await expect(visit.drawRoom).toBeVisible();
  await visit.button(`Open ${shown}`).click();
  await visit.says(/its training pictures .* are not in this browser/);
  const extra = new Map([...tensors, [hostile, { shape: [1], data: Float32Array.of(1) }]]);
  await visit.upload("extra.safetensors", encodeSafetensors(extra, metadata));
  await visit.says(/checkpoint: it has a tensor .* that its networks do not use/);
  await pictured(visit, "hostile-checkpoint");
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
});

test("a GPU that the browser blocks after a loss is waited for; the user can try at once, give up, and try again", async ({
  visit,
}) => {
  await visit.start(`${smallest}&steps=20000&sampleEvery=0`);
  await visit.reaches(5);
  await visit.press("s");
  await expect(visit.shown("n-saved")).toHaveText("just now");
  const block = async (blocked: boolean) => {
    for (const worker of visit.page.workers()) {
      await worker.evaluate((on) => {
        const scope = globalThis as unknown as { asked?: GPU["requestAdapter"] };
        scope.asked ??= GPU.prototype.requestAdapter;
        GPU.prototype.requestAdapter = on ? async () => null : scope.asked;
      }, blocked);
    }
  };
  await block(true);
  await visit.destroyDevice();
  await visit.says(/The browser gives this page no GPU at the moment\..* Next attempt \(3 of 6\) in 8 s\./);
  await pictured(visit, "gpu-wait");
  await block(false);
  await visit.button("Try now").click();
  await expect(visit.phase).toHaveText("training");
  await visit.says(/The GPU was lost: .* on a new device, attempt 1 of 3/);
  await visit.trains(5);
  await block(true);
  await visit.destroyDevice();
  await visit.button("Stop waiting").click();
  await visit.says(/The GPU is gone: .* restart the browser, then continue this run: what was saved is safe/);
  await expect(visit.phase).toHaveText("stopped");
  await pictured(visit, "gpu-gone");
  await block(false);
  await visit.button("Try again").click();
  await expect(visit.phase).toHaveText("training");
  await visit.trains(3);
  await visit.pause();
});

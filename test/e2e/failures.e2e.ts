import { expect, inject, test } from "vitest";
import { eventually, smallest, stateOf, useBrowser, type Visit, type Visitor } from "./visit.ts";

const browser = useBrowser();
const destroyDevice = (visit: Visit) =>
  visit.page.evaluate(() =>
    (window as unknown as { catgan: { destroyDevice(): Promise<void> } }).catgan.destroyDevice(),
  );
let visitor: Visitor;
let visit: Visit;

test("a full storage: the page says so, trains on, keeps the save before, and saves again once there is room", async () => {
  visitor = await browser.visitor();
  visit = await visitor.open(`${smallest}&steps=20000&sampleEvery=0`);
  await visit.start();
  await visit.reaches(5);
  await visit.pause();
  const download = visit.button("Download Tiny cats");
  const before = stateOf((await visit.downloads(download)).bytes);
  const session = await visitor.context.newCDPSession(visit.page);
  const { origin } = new URL(inject("site"));
  await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1000 });
  await visit.button("Step").click();
  await eventually(() => visit.step()).toBe(before.step + 1);
  await visit.button("Save").click();
  await visit.says(/The run could not be saved: the browser's storage is full: delete runs, or free space on the disk/);
  // The open run is handed out as it is; what is stored is the save before, as another tab sees it.
  expect(stateOf((await visit.downloads(download)).bytes).step).toBe(before.step + 1);
  const other = await visitor.open("test");
  expect(stateOf((await other.downloads(other.button("Download Tiny cats"))).bytes)).toEqual(before);
  await other.page.close();
  await visit.button("Play").click();
  await visit.reaches(before.step + 10);
  await session.send("Storage.overrideQuotaForOrigin", { origin });
  await visit.pause();
  await eventually(() => visit.notices()).toEqual([]);
  const after = stateOf((await visit.downloads(download)).bytes);
  expect(after.step).toBe(await visit.step());
});

test("a device that is lost before anything was saved: training begins again, and says so", async () => {
  const fresh = await (await browser.visitor()).open(`${smallest}&steps=20000&sampleEvery=0`);
  await fresh.start();
  await fresh.reaches(1);
  await destroyDevice(fresh);
  await fresh.says(/The GPU was lost: .*\. Nothing was saved yet: began again on a new device, try 1 of 3/);
  await fresh.shows("phase-word", "training");
  await fresh.reaches(5);
  await fresh.page.close();
});

test("a lost device: training goes back to the save and on, three times, then it stops and is safe", async () => {
  await visit.button("Play").click();
  await visit.press("s");
  await visit
    .run("Tiny cats")
    .getByText(/^Step [1-9]/)
    .waitFor();
  await visit.reaches((await visit.step()) + 5);
  for (const attempt of [1, 2, 3]) {
    await destroyDevice(visit);
    await visit.says(
      new RegExp(`The GPU was lost: .*Went back to the last save, step [\\d,]+, on a new device, try ${attempt} of 3`),
    );
    await visit.shows("phase-word", "training");
  }
  await destroyDevice(visit);
  await visit.says(/Training has stopped; what was saved is safe/);
  await visit.shows("phase-word", "stopped");
  await visit.button("Play").click();
  await visit.shows("phase-word", "training");
  await visit.reaches((await visit.step()) + 5);
  expect(await visit.notices()).toEqual([]);
  await visit.pause();
});

test("a tab killed in the middle of a save: the run is whole", async () => {
  const saved = await visit.step();
  await visit.button("Step").click();
  await eventually(() => visit.step()).toBe(saved + 1);
  await visit.button("Step").click();
  await eventually(() => visit.step()).toBe(saved + 2);
  // The next large write stops half way and stays there.
  const torn = visit.page.evaluate(
    () =>
      new Promise<string>((resolve) =>
        new BroadcastChannel("torn").addEventListener("message", (e) => resolve(e.data)),
      ),
  );
  for (const worker of visit.page.workers()) {
    await worker.evaluate(() => {
      // biome-ignore lint/suspicious/noExplicitAny: TypeScript's DOM types leave it out
      const { prototype } = (globalThis as any).FileSystemSyncAccessHandle;
      const { write } = prototype;
      prototype.write = function (bytes: Uint8Array, options: { at: number }) {
        if (bytes.length < 1000) return write.call(this, bytes, options);
        write.call(this, bytes.subarray(0, bytes.length / 2), options);
        this.flush();
        new BroadcastChannel("torn").postMessage(`${bytes.length} bytes`);
        for (;;);
      };
    });
  }
  await visit.press("s");
  expect(await torn).toMatch(/bytes/);
  const session = await visitor.context.newCDPSession(visit.page);
  const crashed = visit.page.waitForEvent("crash");
  session.send("Page.crash").catch(() => {});
  await crashed;
  await visit.page.close();

  visit = await visitor.open("test");
  await visit
    .run("Tiny cats")
    .getByText(new RegExp(`^Step ${saved.toLocaleString("en")} of`))
    .waitFor();
  await visit.button("Continue Tiny cats").click();
  await visit.reaches(saved + 5);
  expect(await visit.notices()).toEqual([]);
  await visit.pause();
});

import { eventually, expect, smallest, stateOf, TrainingPage, test } from "./training_page.ts";

const endless = `${smallest}&steps=20000&sampleEvery=0`;

test("a full storage: the page says so, keeps training and the previous save, and saves again once there is room", async ({
  visit,
  context,
  baseURL,
}) => {
  await visit.start(endless);
  await visit.reaches(5);
  await visit.pause();
  const download = visit.button("Download Tiny cats");
  const before = stateOf((await visit.downloads(download)).bytes);
  const session = await context.newCDPSession(visit.page);
  const { origin } = new URL(baseURL!);
  await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1000 });
  await visit.button("Step").click();
  await eventually(() => visit.step()).toBe(before.step + 1);
  await visit.button("Save").click();
  await visit.says(/The run could not be saved: the browser's storage is full: delete runs, or free space on the disk/);
  // The open run is handed out as it is; what is stored is the save before, as another tab sees it.
  expect(stateOf((await visit.downloads(download)).bytes).step).toBe(before.step + 1);
  const other = new TrainingPage(await context.newPage());
  await other.open("test");
  expect(stateOf((await other.downloads(other.button("Download Tiny cats"))).bytes)).toEqual(before);
  await other.page.close();
  await visit.button("Play").click();
  await visit.reaches(before.step + 10);
  await session.send("Storage.overrideQuotaForOrigin", { origin });
  await visit.pause();
  await expect(visit.notices).toHaveCount(0);
  const after = stateOf((await visit.downloads(download)).bytes);
  expect(after.step).toBe(await visit.step());
});

test("a device that is lost before anything was saved: training begins again, and says so", async ({ visit }) => {
  await visit.start(endless);
  await visit.reaches(1);
  await visit.destroyDevice();
  await visit.says(
    /The GPU was lost: .*\. Nothing had been saved yet, so it started again on a new device, attempt 1 of 3/,
  );
  await expect(visit.phase).toHaveText("training");
  await visit.reaches(5);
});

test("a lost device: training goes back to the save and continues, three times, then it stops and is safe", async ({
  visit,
}) => {
  await visit.start(endless);
  await visit.reaches(1);
  await visit.press("s");
  await expect(visit.run("Tiny cats").getByText(/^Step [1-9]/)).toBeVisible();
  await visit.trains(5);
  for (const attempt of [1, 2, 3]) {
    await visit.destroyDevice();
    await visit.says(
      new RegExp(`The GPU was lost: .*Returned to the save of step [\\d,]+, on a new device, attempt ${attempt} of 3`),
    );
    await expect(visit.phase).toHaveText("training");
  }
  await visit.destroyDevice();
  await visit.says(/Training has stopped; what was saved is safe/);
  await expect(visit.phase).toHaveText("stopped");
  await visit.button("Play").click();
  await expect(visit.phase).toHaveText("training");
  await visit.trains(5);
  await visit.saysNothing();
  await visit.pause();
});

test("a tab killed in the middle of a save: the run is intact", async ({ visit, context }) => {
  await visit.start(endless);
  await visit.reaches(1);
  await visit.pause();
  const saved = await visit.step();
  for (const step of [1, 2]) {
    await visit.button("Step").click();
    await eventually(() => visit.step()).toBe(saved + step);
  }
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
  const session = await context.newCDPSession(visit.page);
  const crashed = visit.page.waitForEvent("crash");
  session.send("Page.crash").catch(() => {});
  await crashed;
  await visit.page.close();

  const next = new TrainingPage(await context.newPage());
  await next.open("test");
  const kept = new RegExp(`^Step ${saved.toLocaleString("en")} of`);
  await expect(next.run("Tiny cats").getByText(kept)).toBeVisible();
  await next.button("Continue Tiny cats").click();
  await next.reaches(saved + 5);
  await next.saysNothing();
  await next.pause();
});

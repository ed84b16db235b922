import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unknownFormat } from "../../src/data/picture_file.ts";
import { bombOf, type Entry, pngOf, record, zipOf } from "../cli/hostile.ts";
import { encoded, exifOf, extendedWebp, gradientImage, heicOf } from "../data/picture_files.ts";
import { eventually, expect, smallest, type TrainingPage, test } from "./training_page.ts";

const text = new TextEncoder().encode("I am no picture, whatever my name says.\n".repeat(20));
const picture = (i: number, width = 20, height = 20) =>
  pngOf(width, height, (x, y) => [(i * 37) % 256, (x * 12 + i) % 256, (y * 12 + (i >> 8)) % 256]);
const zipped = (name: string, bytes: Uint8Array<ArrayBuffer>) => ({
  name,
  mimeType: "application/zip",
  buffer: Buffer.from(bytes),
});
const status = (visit: TrainingPage) => visit.page.locator(".pictures-status");
const refusals = (visit: TrainingPage) => visit.page.locator(".refusals", { hasText: "not used" });

test("a folder: what was read, what was refused and why, and what the networks will see", async ({
  visit,
  page,
}, testInfo) => {
  const cats = testInfo.outputPath("cats");
  mkdirSync(join(cats, "more"), { recursive: true });
  for (let i = 0; i < 9; i++) writeFileSync(join(cats, `${i}.png`), picture(i));
  for (let i = 0; i < 3; i++) writeFileSync(join(cats, "more", `wide${i}.png`), picture(i, 40, 20));
  writeFileSync(join(cats, "text.jpg"), text);
  mkdirSync(join(cats, "CAT_00"));
  writeFileSync(join(cats, "CAT_00/9.png"), picture(9, 40, 40));
  writeFileSync(join(cats, "CAT_00/9.png.cat"), `9 15 20 25 20 20 30 10 10 ${"0 0 ".repeat(4)}30 10`);
  await visit.open(smallest);
  await page.getByLabel("Choose a folder…").setInputFiles(cats);
  await expect(status(visit)).toHaveText(
    /^13 pictures read from cats: .* at 16 × 16\. Faces cropped by their landmarks: 1\./,
  );
  await page.getByText("1 file not used").click();
  await expect(refusals(visit).getByText(unknownFormat)).toBeVisible();
  await page.getByText(/^\d+ nearly the same as another$/).click();
  await expect(page.getByText("like 0.png").first()).toBeVisible();
  await expect(page.getByText("3 of 13 are not square.")).toBeVisible();
  const preview = page.locator(".pictures-preview canvas");
  const cropped = await preview.screenshot();
  await page.getByRole("radio", { name: /^Squeeze/ }).check();
  await eventually(async () => cropped.equals(await preview.screenshot())).toBe(false);
  await expect(page.getByText("each next to its mirror image")).toBeVisible();
  await page.getByText("Training", { exact: true }).click();
  await page.getByLabel("Augment", { exact: true }).selectOption("translation,cutout");
  await expect(page.getByText("each next to an augmented version")).toBeVisible();
  await page.getByLabel("Augment", { exact: true }).selectOption("none");
  await expect(page.getByText("each next to its mirror image")).toBeVisible();
});

test("pictures of all formats: what this browser cannot decode is refused with the reason", async ({ visit, page }) => {
  await visit.open(smallest);
  const image = gradientImage(40, 40);
  const mixed: [string, Uint8Array][] = [
    ...(await Promise.all(
      (["jpeg", "png", "webp", "avif", "gif", "tiff"] as const).map(async (encoding): Promise<[string, Uint8Array]> => {
        return [`cat.${encoding}`, await encoded(image, encoding)];
      }),
    )),
    ["turned.webp", extendedWebp(await encoded(image, "webp"), 40, 40, [["EXIF", exifOf(6)]])],
    ["phone.heic", heicOf([4032, 3024])],
    ["phone2.heic", heicOf([4032, 3024])],
    ["cut.webp", (await encoded(image, "webp")).subarray(0, -9)],
    ["cut.gif", (await encoded(image, "gif")).subarray(0, -9)],
    ["icon.png", await encoded(gradientImage(8, 8), "png")],
    ["notes.jpg", text],
  ];
  await visit.bring(mixed.map(([name, bytes]) => ({ name, mimeType: "", buffer: Buffer.from(bytes) })));
  await expect(status(visit)).toHaveText(/^6 pictures read from 13 files/);
  await page.getByText("7 files not used").click();
  for (const reason of [
    "2 × HEIC pictures cannot be decoded by this browser: convert them to JPEG first",
    "1 × TIFF pictures cannot be decoded by this browser: convert them to JPEG first",
    "1 × GIF cut short: its picture is incomplete",
  ]) {
    await expect(refusals(visit).getByText(reason, { exact: true })).toBeVisible();
  }
  await expect(refusals(visit).getByText("1 × WebP cut short")).toHaveCount(1);
  await page.locator("#pictures").screenshot({ path: "dist/screenshots/pictures-mixed.png" });
});

test("a dropped folder with names that are not UTF-8: the rest is read once, and they are named", async ({
  visit,
  page,
  context,
}, testInfo) => {
  await visit.open(smallest);
  await expect(visit.startButton).toBeEnabled();
  const cats = testInfo.outputPath("dropped");
  mkdirSync(join(cats, "sub"), { recursive: true });
  for (let i = 0; i < 3; i++) writeFileSync(join(cats, "sub", `${i}.png`), picture(i));
  writeFileSync(Buffer.concat([Buffer.from(`${cats}/caf`), Buffer.from([0xe9]), Buffer.from(".png")]), picture(3));
  mkdirSync(Buffer.concat([Buffer.from(`${cats}/caf`), Buffer.from([0xe8])]));
  const session = await context.newCDPSession(page);
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    const data = { items: [], files: [cats], dragOperationsMask: 1 };
    await session.send("Input.dispatchDragEvent", { type, x: 100, y: 100, data });
  }
  await expect(status(visit)).toHaveText(/^3 pictures read from dropped/);
  await page.getByText("2 files not used").click();
  await expect(refusals(visit).getByText("its name is not UTF-8: rename it")).toBeVisible();
});

test("a zip with a bomb inside and a text file named .jpg", async ({ visit, page }) => {
  await visit.open(smallest);
  const zip = await zipOf([
    ...Array.from({ length: 8 }, (_, i): Entry => [`cats/${i}.png`, picture(100 + i)]),
    ["cats/text.jpg", text],
    ["cats/bomb.png", picture(1)],
  ]);
  // What the directory promises of the last entry is small: what it would inflate to is 2 GiB.
  const bomb = bombOf(picture(1), 2048);
  const bombed = Buffer.concat([Buffer.from(zip)]);
  const directory = record(zip, 9);
  const offset = directory.getUint32(42, true);
  const dataAt = offset + 30 + zip[offset + 26] + zip[offset + 28];
  const packed = directory.getUint32(20, true);
  const withBomb = new Uint8Array(Buffer.concat([bombed.subarray(0, dataAt), bomb, bombed.subarray(dataAt + packed)]));
  const moved = record(withBomb, 9);
  moved.setUint32(20, bomb.length, true);
  moved.setUint32(24, 5000, true);
  const grown = bomb.length - packed;
  const end = new DataView(
    withBomb.buffer,
    Buffer.from(withBomb.buffer).lastIndexOf("PK\x05\x06", undefined, "latin1"),
  );
  end.setUint32(16, end.getUint32(16, true) + grown, true);
  await visit.bring(zipped("bombed.zip", withBomb));
  await expect(status(visit)).toHaveText(/^8 pictures read from bombed\.zip/);
  await page.getByText("2 files not used").click();
  await expect(refusals(visit).locator("> ul > li")).toHaveCount(2);
  await expect(refusals(visit).getByText("damaged zip: more data than its directory says")).toBeVisible();
  await expect(refusals(visit).getByText(unknownFormat)).toBeVisible();
});

test("5,000 pictures in a zip, trained on, and again after the page was closed", async ({ visit, page }) => {
  await visit.open(`${smallest}&steps=40&sampleEvery=10`);
  const pictures = Array.from({ length: 5000 }, (_, i): Entry => [`cats/${i}.png`, picture(i), { level: 0 }]);
  const zip = zipped("many.zip", await zipOf(pictures));
  const began = performance.now();
  await visit.bring(zip);
  await expect(status(visit)).toHaveText(/^5,000 pictures read from many\.zip/);
  console.log(`5,000 pictures read in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  await visit.startButton.click();
  await expect(visit.shown("reals-caption")).toContainText("5,000 pictures of many.zip");
  await expect(visit.phase).toHaveText(/^Finished/);
  const summary = "Step 40 of 40, 16 × 16, 5,000 pictures of many.zip";
  await expect(visit.run("Tiny").getByText(summary)).toBeVisible();
  await page.reload();
  await visit.button("Open Tiny").click();
  await visit.button(/^Train 40 more/).click();
  await expect(visit.shown("n-step")).toHaveText("80 / 80");
  await expect(visit.shown("reals-caption")).toContainText("5,000 pictures of many.zip");
});

test("a set without any picture changes nothing, and painted cats can be chosen again", async ({ visit }) => {
  await visit.open(smallest);
  await visit.bring({ name: "notes.jpg", mimeType: "image/jpeg", buffer: Buffer.from(text) });
  await expect(status(visit)).toHaveText(/^Nothing was read: /);
  await visit.bring(
    [0, 1, 2].map((i) => ({ name: `${i}.png`, mimeType: "image/png", buffer: Buffer.from(picture(i)) })),
  );
  await expect(status(visit)).toHaveText(/^3 pictures read from 3 files/);
  await visit.button("Back to painted cats").click();
  await expect(status(visit)).toHaveText("The next run learns from painted cats again.");
});

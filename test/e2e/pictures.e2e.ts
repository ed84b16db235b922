import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, test } from "vitest";
import { bombOf, type Entry, pngOf, record, zipOf } from "../cli/hostile.ts";
import { eventually, smallest, useBrowser, type Visit } from "./visit.ts";

const browser = useBrowser();
const folder = mkdtempSync(join(tmpdir(), "catgan-e2e-pictures-"));
afterAll(() => rmSync(folder, { recursive: true }));
const text = new TextEncoder().encode("I am no picture, whatever my name says.\n".repeat(20));
const picture = (i: number, width = 20, height = 20) =>
  pngOf(width, height, (x, y) => [(i * 37) % 256, (x * 12 + i) % 256, (y * 12 + (i >> 8)) % 256]);
const zipped = (name: string, bytes: Uint8Array<ArrayBuffer>) => ({
  name,
  mimeType: "application/zip",
  buffer: Buffer.from(bytes),
});
const brings = async (files: Parameters<ReturnType<Visit["page"]["locator"]>["setInputFiles"]>[0]) =>
  await visit.page.getByLabel("Choose files or a zip…").setInputFiles(files);
const status = () => visit.page.locator(".pictures-status").textContent();
let visit: Visit;

test("a folder: what was read, what was refused and why, and what the networks will see", async () => {
  const cats = join(folder, "cats");
  mkdirSync(join(cats, "more"), { recursive: true });
  for (let i = 0; i < 9; i++) writeFileSync(join(cats, `${i}.png`), picture(i));
  for (let i = 0; i < 3; i++) writeFileSync(join(cats, "more", `wide${i}.png`), picture(i, 40, 20));
  writeFileSync(join(cats, "text.jpg"), text);
  mkdirSync(join(cats, "CAT_00"));
  writeFileSync(join(cats, "CAT_00/9.png"), picture(9, 40, 40));
  writeFileSync(join(cats, "CAT_00/9.png.cat"), `9 15 20 25 20 20 30 10 10 ${"0 0 ".repeat(4)}30 10`);
  visit = await (await browser.visitor()).open(`${smallest}&steps=40&sampleEvery=10`);
  await visit.page.getByLabel("Choose a folder…").setInputFiles(cats);
  await eventually(status).toMatch(
    /^13 pictures read from cats: .* at 16 × 16\. Faces cut out by their landmarks: 1\./,
  );
  await visit.page.getByText("1 file refused").click();
  await visit.page.locator(".refusals").getByText("not a picture of a known format by its first bytes").waitFor();
  await visit.page.getByText(/^\d+ nearly the same as another$/).click();
  await visit.page.getByText("like 0.png").first().waitFor();
  await visit.page.getByText("3 of 13 are not square.").waitFor();
  const look = () => visit.pictureOf(".pictures-preview canvas");
  const cropped = await look();
  await visit.page.getByRole("radio", { name: /^Squeeze/ }).check();
  await eventually(async () => cropped.equals(await look())).toBe(false);
  await visit.page.getByText("each beside its mirror image").waitFor();
  await visit.page.getByText("Learning", { exact: true }).click();
  await visit.page.getByLabel("Augment", { exact: true }).selectOption("translation,cutout");
  await visit.page.getByText("each beside what chance may make of it").waitFor();
  await visit.page.getByLabel("Augment", { exact: true }).selectOption("none");
  await visit.page.getByText("each beside its mirror image").waitFor();
});

test("a zip with a bomb inside and a text that is called .jpg", async () => {
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
  await brings(zipped("bombed.zip", withBomb));
  await eventually(status).toMatch(/^8 pictures read from bombed\.zip/);
  await visit.page.getByText("2 files refused").click();
  await eventually(() => visit.page.locator(".refusals:has-text('refused') > ul > li").count()).toBe(2);
  await visit.page.locator(".refusals").getByText("damaged zip: more data than its directory says").waitFor();
  await visit.page.locator(".refusals").getByText("not a picture of a known format by its first bytes").waitFor();
});

test("5,000 pictures in a zip, trained on, and again after the page was closed", async () => {
  const pictures = Array.from({ length: 5000 }, (_, i): Entry => [`cats/${i}.png`, picture(i), { level: 0 }]);
  const zip = zipped("many.zip", await zipOf(pictures));
  const began = performance.now();
  await brings(zip);
  await eventually(status).toMatch(/^5,000 pictures read from many\.zip/);
  console.log(`5,000 pictures read in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  await visit.start();
  await visit.shows("reals-caption", "5,000 pictures of many.zip");
  await eventually(() => visit.text("phase-word")).toMatch(/^finished/);
  await visit.run("Tiny").getByText("Step 40 of 40, 16 × 16, 5,000 pictures of many.zip").waitFor();
  await visit.page.reload();
  await visit.button("Open Tiny").click();
  await visit.button(/^Train on, 40 more/).click();
  await eventually(() => visit.text("n-step")).toBe("80 / 80");
  await visit.shows("reals-caption", "5,000 pictures of many.zip");
});

test("what holds no picture at all changes nothing, and painted cats come back", async () => {
  await brings({ name: "notes.jpg", mimeType: "image/jpeg", buffer: Buffer.from(text) });
  await eventually(status).toMatch(/^Nothing was read: /);
  await brings([0, 1, 2].map((i) => ({ name: `${i}.png`, mimeType: "image/png", buffer: Buffer.from(picture(i)) })));
  await eventually(status).toMatch(/^3 pictures read from 3 files/);
  await visit.button("Back to painted cats").click();
  await eventually(status).toBe("Painted cats again.");
});

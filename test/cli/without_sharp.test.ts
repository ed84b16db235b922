/** Where sharp has no prebuilt library: PNGs are decoded by pngjs, the rest says why not. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { describe, expect, it, vi } from "vitest";
import { decodePicture } from "../../src/cli/decode.ts";
import { jpegOf, peakMiB, pngOf } from "./hostile.ts";
import { bytesOf, chunk, exifTiff, pngHeader, pngSignature } from "./picture_writers.ts";
import { expectPicture, pngCases } from "./png_cases.ts";
import { eventsOf, start, temporaryFolder } from "./program.ts";

const root = temporaryFolder();

vi.mock("../../src/cli/sharp.ts", async (original) => ({
  ...(await original<typeof import("../../src/cli/sharp.ts")>()),
  loadSharp: async () => null,
}));

describe("decodePicture without sharp", () => {
  it.each(pngCases)("PNG: %s", async (_, file, expected) => {
    expectPicture(await decodePicture(file), expected, 1);
  });

  it("turns a PNG by its eXIf chunk", async () => {
    const png = pngOf(3, 2, (x, y) => [x * 80, y * 80, 7]);
    const file = bytesOf(png.subarray(0, 33), chunk("eXIf", exifTiff(6, "MM")), png.subarray(33));
    const picture = await decodePicture(file);
    expect([picture.width, picture.height]).toEqual([2, 3]);
    // The first row is the first column, from below.
    expect([...picture.rgb.subarray(0, 6)]).toEqual([0, 80, 7, 0, 0, 7]);
  });

  it("says what it needs for other formats", async () => {
    await expect(decodePicture(await jpegOf(8, 8, () => [1, 2, 3]))).rejects.toThrow(
      /^JPEG cannot be decoded: the library sharp is not installed, or has no version for \w+ \w+; PNGs can be read without it$/,
    );
    await expect(decodePicture(bytesOf("GIF89a....."))).rejects.toThrow(/^GIF cannot be decoded: the library sharp/);
  });

  it("refuses large pictures and bombs before they take memory", async () => {
    const before = peakMiB();
    const of = (header: Uint8Array, data: Uint8Array) =>
      decodePicture(bytesOf(pngSignature, header, chunk("IDAT", data), chunk("IEND")));
    const zeros = deflateSync(new Uint8Array(60e6));
    await expect(of(pngHeader(4500, 4000, 8, 2), zeros)).rejects.toThrow("the limit is 16 megapixels");
    const grown = peakMiB();
    for (const interlaced of [0, 1]) {
      await expect(of(pngHeader(4, 4, 8, 2, interlaced), zeros)).rejects.toThrow(
        "damaged PNG: more data than expected",
      );
      await expect(of(pngHeader(40, 40, 8, 2, interlaced), deflateSync(new Uint8Array(999)))).rejects.toThrow(
        "damaged PNG: 999 bytes of pixels",
      );
    }
    expect(peakMiB() - grown).toBeLessThan(16);
    expect(grown - before).toBeLessThan(160); // The 60 MB themselves.
    await expect(of(pngHeader(8192, 8193, 8, 2), zeros)).rejects.toThrow("the limit is 64 megapixels");
  });
});

it("the built program reads PNGs where sharp cannot be imported, and names the rest", async () => {
  const source = join(root, "mixed");
  mkdirSync(source);
  writeFileSync(
    join(source, "1.png"),
    pngOf(16, 16, (x, y) => [x * 9, y * 9, 0]),
  );
  writeFileSync(join(source, "2.jpg"), await jpegOf(16, 16, () => [1, 2, 3]));
  const hooks = `export async function resolve(name, context, next) {
    if (name === "sharp") throw new Error("Could not load the sharp module");
    return next(name, context);
  }`;
  const url = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
  const register = url(`import { register } from "node:module"; register(${JSON.stringify(url(hooks))});`);
  const running = start(["prepare", source, join(root, "out"), "--size", "16", "--json"], {
    NODE_OPTIONS: `--import=${register}`,
  });
  const result = await running.done;
  expect([result.code, result.stderr]).toEqual([0, ""]);
  expect(eventsOf(result).at(-1)).toMatchObject({
    event: "end",
    pictures: { count: 1 },
    refused: { count: 1, reasons: [{ reason: expect.stringContaining("the library sharp is not installed") }] },
  });
});

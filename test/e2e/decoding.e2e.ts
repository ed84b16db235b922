/** The page decodes pictures in real browsers as the command line does. */
import { deflateSync } from "node:zlib";
import { test as base, expect } from "@playwright/test";
import sharp from "sharp";
import { decodePicture } from "../../src/cli/decode.ts";
import { unknownFormat } from "../../src/data/picture_file.ts";
import { resizeRgb } from "../../src/data/resize.ts";
import {
  bigEndian,
  type Encoding,
  encoded,
  exifOf,
  extendedWebp,
  gradient,
  gradientImage,
  heicOf,
  joined,
  pngChunk,
  pngWithData,
  withPngChunks,
} from "../data/picture_files.ts";
import { launchFirefox } from "./firefox.ts";

/** Pictures of this size are not resampled: what comes is what was decoded. */
const size = 64;

/** What the reader makes of files, by their names. */
type Read = Map<string, Uint8Array | string>;
/** Runs an expression in a tab that shows the page. @returns the text that it gives */
type Evaluate = (expression: string) => Promise<string>;

/** Has the built site's own worker read files, as if they had been dropped. */
async function readAll(site: string, evaluate: Evaluate, files: ReadonlyMap<string, Uint8Array>): Promise<Read> {
  const script = await linked(await linked(site, /assets\/index-[\w-]+\.js/), /worker-[\w-]+\.js/);
  const contents = [...files].map(([name, bytes]) => [name, Buffer.from(bytes).toString("base64")]);
  const expression = `new Promise((resolve, reject) => {
    const files = ${JSON.stringify(contents)}.map(([path, base64]) =>
      ({ path, file: new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], path) }));
    const worker = new Worker(${JSON.stringify(script)}, { type: "module", name: "read" });
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.onmessage = ({ data }) => {
      if (data.type === "failed") reject(new Error(data.message));
      if (data.type !== "read") return;
      const { pictures: { pixels }, names, skipped } = data.photographs;
      let text = "";
      for (const pixel of pixels) text += String.fromCharCode(pixel);
      resolve(JSON.stringify({ names, skipped, pixels: btoa(text) }));
    };
    worker.postMessage({ files, size: ${size}, fit: "crop", glimpses: 0, lost: [] });
  })`;
  const { names, skipped, pixels } = JSON.parse(await evaluate(expression));
  const all = new Uint8Array(Buffer.from(pixels, "base64"));
  const each = size * size * 3;
  return new Map<string, Uint8Array | string>([
    ...names.map((name: string, i: number) => [name, all.subarray(i * each, (i + 1) * each)]),
    ...skipped.map(({ name, reason }: { name: string; reason: string }) => [name, reason]),
  ]);
}

/** The address of a file that another names. */
async function linked(from: string, name: RegExp): Promise<string> {
  const [found] = name.exec(await (await fetch(from)).text())!;
  return new URL(found, from).href;
}

/** The central square of what the command line decodes. */
async function expectedOf(bytes: Uint8Array): Promise<Uint8Array> {
  const { rgb, width, height } = await decodePicture(bytes);
  return resizeRgb(rgb, width, height, size, "crop");
}

const picture = gradientImage(size, size);
/** What is turned is not square. */
const tall = gradientImage(size, size + 9);
const translucent = gradientImage(size, size, 4);
const orientations = [1, 2, 3, 4, 5, 6, 7, 8];
const exifChunk = (orientation: number, little = false) => pngChunk("eXIf", exifOf(orientation, little));

/** Of a picture that lies in an orientation, by what encoders write. */
const turned = (orientation: number) => tall.clone().withMetadata({ orientation });

/** Every fourth value under every fourth alpha. */
const blends = Uint8Array.from({ length: size * size * 4 }, (_, i) => {
  const [x, y] = [(i >> 2) % size, Math.floor((i >> 2) / size)];
  return [4 * x, 255 - 4 * x, (28 * x) & 255, 4 * y][i % 4];
});

/** 16 bits a sample, of any kind that sharp does not make by itself. */
function png16(png: Uint8Array, colour: 2 | 6): Uint8Array {
  const row = (colour === 2 ? 3 : 4) * 2 * size;
  const rows = new Uint8Array(size * (1 + row));
  for (let i = 0; i < rows.length; i++) rows[i] = i % (1 + row) === 0 ? 0 : Math.imul(i, 2654435761) >>> 24;
  const header = joined(bigEndian(size, size), Uint8Array.of(16, colour, 0, 0, 0));
  return joined(
    png.subarray(0, 8),
    pngChunk("IHDR", header),
    pngChunk("IDAT", deflateSync(rows)),
    pngChunk("IEND", new Uint8Array(0)),
  );
}

const animated = (encoding: Encoding) => {
  const raw = { width: size, height: 2 * size, channels: 3 as const, pageHeight: size };
  return encoded(sharp(gradient(size, 2 * size), { raw }), encoding, { delay: [50, 50], lossless: true });
};

/** A file, how far pixels may be from the command line's, of 255; in Firefox, where it is coarser. */
type Readable = [name: string, bytes: Uint8Array, atMost: number, inFirefox?: number];

async function readable(): Promise<Readable[]> {
  const png = await encoded(picture, "png");
  const tallPng = await encoded(tall, "png");
  const tallWebp = await encoded(tall, "webp", { lossless: true });
  const p3 = picture.clone().withIccProfile("p3");
  return [
    ["rgb.png", png, 0],
    ["grey.png", await encoded(picture.clone().greyscale(), "png"), 0],
    ["palette.png", await encoded(picture, "png", { palette: true }), 0],
    ["interlaced.png", await encoded(picture, "png", { progressive: true }), 0],
    ["gamma.png", withPngChunks(png, [pngChunk("gAMA", bigEndian(100_000))]), 0],
    [
      "primaries.png",
      withPngChunks(png, [
        pngChunk("cHRM", bigEndian(31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)),
        pngChunk("gAMA", bigEndian(45455)),
        pngChunk("cICP", Uint8Array.of(12, 13, 0, 1)),
      ]),
      0,
    ],
    ["profile.png", await encoded(p3, "png"), 1, 2],
    ["alpha.png", await encoded(translucent, "png"), 1],
    ["blends.png", await encoded(sharp(blends, { raw: { width: size, height: size, channels: 4 } }), "png"), 1],
    ["16.png", png16(png, 2), 1],
    // Browsers cut alpha and colour to 8 bits before they blend.
    ["16-alpha.png", png16(png, 6), 2],
    ...orientations.flatMap((n): Readable[] => {
      return [
        [`exif${n}.png`, withPngChunks(tallPng, [exifChunk(n)]), 0],
        [`exif${n}-little.png`, withPngChunks(tallPng, [exifChunk(n, true)]), 0],
        [`exif${n}-late.png`, withPngChunks(tallPng, [exifChunk(n)], "last"), 0],
        [`exif${n}.webp`, extendedWebp(tallWebp, size, size + 9, [["EXIF", exifOf(n)]]), 0],
      ];
    }),
    ...(await Promise.all(
      orientations.flatMap((n) => [
        encoded(turned(n), "jpeg").then((bytes): Readable => [`exif${n}.jpg`, bytes, 0, 2]),
        encoded(turned(n), "avif", { lossless: true }).then((bytes): Readable => [`exif${n}.avif`, bytes, 0, 1]),
      ]),
    )),
    ["420.jpg", await encoded(picture, "jpeg"), 0],
    ["444.jpg", await encoded(picture, "jpeg", { chromaSubsampling: "4:4:4" }), 0],
    ["grey.jpg", await encoded(picture.clone().greyscale(), "jpeg"), 0],
    ["progressive.jpg", await encoded(picture, "jpeg", { progressive: true }), 0],
    ["profile.jpg", await encoded(p3, "jpeg"), 1, 2],
    ["lossy.webp", await encoded(picture, "webp"), 0],
    ["lossless.webp", await encoded(picture, "webp", { lossless: true }), 0],
    ["alpha.webp", await encoded(translucent, "webp", { lossless: true }), 1],
    ["profile.webp", await encoded(p3, "webp", { lossless: true }), 1, 2],
    ["animated.webp", await animated("webp"), 0],
    ["still.gif", await encoded(picture, "gif"), 0],
    ["animated.gif", await animated("gif"), 0],
    ["lossy.avif", await encoded(picture, "avif"), 1, 3],
    ["mistaken.jpg", png, 0],
  ];
}

async function refused(): Promise<[name: string, bytes: Uint8Array, reason: RegExp][]> {
  const cut = async (encoding: Encoding): Promise<[string, Uint8Array, RegExp]> => {
    const whole = await encoded(picture, encoding);
    return [`cut.${encoding}`, whole.subarray(0, whole.length - 20), / cut short: /];
  };
  return [
    ...(await Promise.all((["jpeg", "png", "webp", "gif", "avif"] as const).map(cut))),
    ["cat.heic", heicOf([size, size]), /^HEIC pictures cannot be decoded by this browser: convert them to JPEG first$/],
    ["large.heic", heicOf([65_000, 65_000]), /^HEIC of 65000×65000 pixels: the limit is 64 megapixels/],
    [
      "cat.tif",
      await encoded(picture, "tiff"),
      /^TIFF pictures cannot be decoded by this browser: convert them to JPEG first$/,
    ],
    ["cmyk.jpg", await encoded(picture.clone().toColourspace("cmyk"), "jpeg"), /^CMYK JPEG: /],
    ["small.gif", await encoded(gradientImage(20, 20), "gif"), /^too small: 20×20/],
    [
      "text.webp",
      new TextEncoder().encode("I am no picture, whatever my name says."),
      new RegExp(`^${unknownFormat}$`),
    ],
  ];
}

/** @returns the largest difference of two pictures' values */
function difference(a: Uint8Array, b: Uint8Array): number {
  return a.length === b.length
    ? a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0)
    : Infinity;
}

const [goods, bads] = await Promise.all([readable(), refused()]);
const files = new Map([...goods, ...bads].map(([name, bytes]) => [name, bytes]));
files.set("broken.png", pngWithData(files.get("rgb.png")!, deflateSync(gradient(size, size)).fill(255, 200, 260)));

interface Browser {
  evaluate: Evaluate;
  /** What this browser has read, by the files' names. */
  read: Read;
}

const test = base.extend<object, Browser>({
  evaluate: [
    async ({ playwright, launchOptions }, use, { project }) => {
      const site = project.use.baseURL!;
      if (project.name === "firefox") {
        const { wire, context, evaluate, close } = await launchFirefox(site);
        await wire.send("browsingContext.navigate", { context, url: site, wait: "complete" });
        await use(async (expression) => (await evaluate(expression)).value);
        await close();
      } else {
        const browser = await playwright.chromium.launch(launchOptions);
        const page = await browser.newPage();
        await page.goto(site);
        await use((expression) => page.evaluate(expression));
        await browser.close();
      }
    },
    { scope: "worker" },
  ],
  read: [
    async ({ evaluate }, use, { project }) => {
      await use(await readAll(project.use.baseURL!, evaluate, files));
    },
    { scope: "worker", timeout: 300_000 },
  ],
});

for (const [name, bytes, atMost, inFirefox] of goods) {
  test(`${name} as on the command line`, async ({ read }, { project }) => {
    const pixels = read.get(name);
    expect(pixels, String(pixels)).toBeInstanceOf(Uint8Array);
    const tolerance = project.name === "firefox" ? (inFirefox ?? atMost) : atMost;
    expect(difference(pixels as Uint8Array, await expectedOf(bytes))).toBeLessThanOrEqual(tolerance);
  });
}

for (const [name, , reason] of bads) {
  test(`${name} is refused`, ({ read }) => {
    expect(String(read.get(name))).toMatch(reason);
  });
}

test("broken data, which Firefox shows in part", ({ read }, { project }) => {
  test.skip(project.name === "firefox");
  expect(read.get("broken.png")).toBe("damaged PNG");
});

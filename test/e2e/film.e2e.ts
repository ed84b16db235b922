import type { BrowserContext } from "@playwright/test";
import { ALL_FORMATS, BufferSource, Input } from "mediabunny";
import sharp from "sharp";
import { eventually, expect, smallest, test } from "./training_page.ts";

/** What a file says of its film. */
async function facts(bytes: Uint8Array) {
  const input = new Input({ source: new BufferSource(bytes), formats: ALL_FORMATS });
  const track = (await input.getPrimaryVideoTrack())!;
  return {
    frames: (await track.computePacketStats()).packetCount,
    size: [await track.getDisplayWidth(), await track.getDisplayHeight()],
  };
}

/** What a <video> shows at these times: RGB of these places. On a page without a policy, which plays from memory. */
async function shown(
  context: BrowserContext,
  bytes: Uint8Array,
  type: string,
  times: number[] = [],
  places: [number, number][] = [],
) {
  const page = await context.newPage();
  try {
    await page.goto("about:blank");
    const url = `data:${type};base64,${Buffer.from(bytes).toString("base64")}`;
    return await page.evaluate(
      async ({ url, times, places }) => {
        const video = document.createElement("video");
        const came = (name: string) =>
          new Promise((resolve, reject) => {
            video.addEventListener(name, resolve, { once: true });
            video.addEventListener("error", () => reject(new Error(video.error?.message)), { once: true });
          });
        video.muted = true;
        video.preload = "auto";
        const loaded = came("loadeddata");
        video.src = url;
        await loaded;
        const { videoWidth: width, videoHeight: height } = video;
        const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d", {
          willReadFrequently: true,
        })!;
        const colours: number[][][] = [];
        for (const time of times) {
          const sought = came("seeked");
          video.currentTime = time;
          await sought;
          context.drawImage(video, 0, 0);
          colours.push(places.map(([x, y]) => [...context.getImageData(x, y, 1, 1).data.slice(0, 3)]));
        }
        return { width, height, duration: video.duration, colours };
      },
      { url, times, places },
    );
  } finally {
    await page.close();
  }
}

const bars = [
  [255, 255, 255],
  [220, 40, 30],
  [40, 190, 60],
  [30, 60, 210],
  [230, 200, 40],
  [90, 70, 60],
  [20, 20, 20],
];

test("colours, sizes and times of a video are those of its frames", async ({ visit, context }) => {
  await visit.open("test");
  // All workers run one script.
  await eventually(() => visit.page.workers().length).toBeGreaterThan(0);
  const script = visit.page.workers()[0].url();
  // Bars of colours, one place further in every frame, which become squares of 94.
  const made = await visit.page.evaluate(
    async ({ script, bars }) => {
      const worker = new Worker(script, { type: "module", name: "film" });
      const frames = [0, 1, 2].map((shift) => {
        const image = new ImageData(bars.length, 5);
        for (let i = 0; i < bars.length * 5; i++) {
          image.data.set([...bars[((i % bars.length) + shift) % bars.length], 255], 4 * i);
        }
        return image;
      });
      const answer = new Promise<{ file?: Blob; message?: string }>((resolve, reject) => {
        worker.onerror = (event) => reject(new Error(event.message));
        worker.onmessage = ({ data }) => {
          if (data.kind === "next") worker.postMessage({ kind: "frame", frame: frames.shift() ?? null });
          else resolve(data);
        };
      });
      const order = { kind: "make", format: "video", pictureSize: 5, pictureWidth: 475, delay: 500, lastDelay: 1500 };
      worker.postMessage(order);
      const { file, message } = await answer;
      worker.terminate();
      if (!file) throw new Error(message);
      return { type: file.type, bytes: [...new Uint8Array(await file.arrayBuffer())] };
    },
    { script, bars },
  );
  const bytes = Uint8Array.from(made.bytes);
  expect(await facts(bytes)).toEqual({ frames: 3, size: [94 * 7, 94 * 5] });
  const places = bars.map((_, i): [number, number] => [94 * i + 47, 235]);
  const film = await shown(context, bytes, made.type, [0.25, 0.75, 1.2, 2.4], places);
  expect([film.width, film.height]).toEqual([94 * 7, 94 * 5]);
  expect(Math.abs(film.duration - 2.5)).toBeLessThan(0.01);
  for (const [i, shift] of [0, 1, 2, 2].entries()) {
    for (const [bar, seen] of film.colours[i].entries()) {
      const meant = bars[(bar + shift) % bars.length];
      // Codecs lose most in blue, which has the least share of the luma. With BT.601's matrix red would be 16 away, with
      // the full range black would.
      const limits = [6, 6, 12];
      for (let c = 0; c < 3; c++) {
        expect(Math.abs(seen[c] - meant[c]), `${seen} for ${meant}`).toBeLessThanOrEqual(limits[c]);
      }
    }
  }
});

test("the timeline as a video and as a GIF, and cancelling", async ({ visit, context }) => {
  await visit.trainToTheEnd(`${smallest}&steps=60&sampleEvery=10`);
  const { timeline } = visit;
  const format = timeline.getByLabel("Format of the film");
  const save = () => visit.button("Save film", timeline);
  const fetched: string[] = [];
  context.on("request", (request) => fetched.push(request.url()));
  await expect(format).toHaveValue("video");
  const video = await visit.downloads(save());
  expect(video.name).toMatch(/^Tiny cats\.(mp4|webm)$/);
  expect(fetched.filter((url) => /film_worker-.*\.js$/.test(url))).toHaveLength(1);
  const count = Number(await visit.page.locator("#scrubber").getAttribute("max"));
  // 8 × 8 pictures of 16 pixels, eight times as large.
  expect(await facts(video.bytes)).toEqual({ frames: count, size: [8 * 146, 8 * 146] });
  const seconds = (count - 1) / 7 + 2.5;

  await format.selectOption("gif");
  const gif = await visit.downloads(save());
  expect(gif.name).toBe("Tiny cats.gif");
  const still = await sharp(gif.bytes, { pages: -1 }).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const [width, height] = [still.info.width, still.info.height / count];
  expect([width, height]).toEqual([4 * 146, 4 * 146]);

  // The same pictures, at twice the size in the video.
  const spots = Array.from({ length: 200 }, (_, i): [number, number] => [(i * 37) % 146, (i * 53) % 146]);
  const places = spots.map(([x, y]): [number, number] => [8 * x + 4, 8 * y + 4]);
  const type = video.name.endsWith("mp4") ? "video/mp4" : "video/webm";
  const { colours, duration } = await shown(context, video.bytes, type, [seconds - 0.1], places);
  expect(Math.abs(duration - seconds)).toBeLessThan(0.01);
  let error = 0;
  for (const [i, [x, y]] of spots.entries()) {
    const at = 3 * (((count - 1) * height + 4 * y + 2) * width + 4 * x + 2);
    for (let c = 0; c < 3; c++) error += Math.abs(colours[0][i][c] - still.data[at + c]);
  }
  expect(error / 3 / spots.length).toBeLessThan(8);
});

test("a walk between two drawn cats; the button cancels it, by the keyboard too", async ({ visit, context }) => {
  await visit.trainToTheEnd(`${smallest}&steps=4`);
  await visit.shown("draw-source").selectOption({ label: "Tiny cats, 4 steps" });
  await expect(visit.drawRoom).toBeVisible();
  const save = visit.button(/^(Save film|Cancel)/, visit.drawRoom);
  await save.focus();
  await visit.page.keyboard.press("Enter");
  await expect(save).toHaveText(/^Cancel \(\d+ of 200\)/);
  await visit.screenshot("film");
  await expect(save).toBeFocused();
  await visit.page.keyboard.press("Enter");
  await expect(save).toHaveText("Save film");
  expect(await visit.page.locator(".draw-failure").textContent()).toBe("");
  const film = await visit.downloads(save);
  expect(film.name).toMatch(/^cat-.*-to-.*\.(mp4|webm)$/);
  expect(await facts(film.bytes)).toEqual({ frames: 200, size: [512, 512] });
  const type = film.name.endsWith("mp4") ? "video/mp4" : "video/webm";
  expect(Math.abs((await shown(context, film.bytes, type)).duration - 8)).toBeLessThan(0.01);
});

test("without WebCodecs there is nothing to choose: films are GIFs", async ({ visit, context, page }) => {
  await context.addInitScript(() => {
    delete (globalThis as { VideoEncoder?: unknown }).VideoEncoder;
  });
  await visit.open("test");
  for (const id of ["timelapse-format", "draw-film-format"]) {
    const format = page.locator(`#${id}`);
    await expect(format).toHaveValue("gif");
    await expect(format.locator("option")).toHaveCount(1);
    await expect(format).toHaveAttribute("hidden");
  }
});

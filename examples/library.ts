/**
 * catgan as a package: trains on a folder of pictures, saves the run, loads it, draws from it, and trains on.
 * After `npm run build:lib` and building this file (README.md): node dist/examples/library.mjs FOLDER [STEPS]
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  decodeSafetensors,
  drawPictures,
  Gpu,
  generatorFrom,
  type Pictures,
  pictureGrid,
  presets,
  type RunHooks,
  restore,
  runTraining,
  Stream,
  Trainer,
} from "catgan";
import sharp from "sharp";
import { create } from "webgpu";

const [folder, steps = "200"] = process.argv.slice(2);
if (!folder) throw new Error("which folder of pictures? node dist/examples/library.mjs FOLDER [STEPS]");
const config = { ...presets.tiny, steps: Number(steps) };
const { size } = config;

// The GPU. In a browser: navigator.gpu.requestAdapter().
const webgpu = create([]);
Object.assign(globalThis, { webgpu }); // keeps it alive: the process crashes when it is collected before its devices
const adapter = await webgpu.requestAdapter();
if (!adapter) throw new Error("no WebGPU adapter: install a Vulkan driver for your GPU");
const gpu = await Gpu.open(adapter);
const stream = new Stream(gpu);

// The pictures: squares of 32×32 pixels, RGB, one after the other.
const names = (await readdir(folder)).filter((name) => /\.(jpe?g|png|webp)$/i.test(name));
const pixels = new Uint8Array(names.length * size * size * 3);
for (const [n, name] of names.entries()) {
  const picture = sharp(join(folder, name))
    .rotate()
    .resize(size, size, { fit: "cover" })
    .flatten()
    .toColourspace("srgb");
  pixels.set(await picture.raw().toBuffer(), n * size * size * 3);
}
const pictures: Pictures = { size, count: names.length, pixels };

// Training, which saves at its end (and every few epochs before).
const trainer = new Trainer(stream, config, pictures);
await trainer.prepare();
const source = { data: folder, fit: "crop" } as const;
const hooks: RunHooks = {
  onRecords(records) {
    for (const { step, dLoss, gLoss } of records)
      console.log(`step ${step}: D ${dLoss.toFixed(3)}, G ${gLoss.toFixed(3)}`);
  },
  onSample: (step, samples) => writePng(`step-${step}.png`, samples),
  onCheckpoint: (_, bytes) => writeFile("run.safetensors", bytes),
};
await runTraining(trainer, source, hooks);
trainer.destroy();

// Loading and sampling: 64 new cats. The same seed draws the same ones.
const saved = decodeSafetensors(await readFile("run.safetensors"));
const generator = generatorFrom(stream, saved);
await writePng("cats.png", await drawPictures(stream, generator, { count: 64, seed: 7 }));

// Training on, from where it stopped: bit for bit what a run of twice the length would have done.
const longer = new Trainer(stream, { ...config, steps: 2 * config.steps }, pictures);
restore(longer, saved);
await longer.prepare();
await runTraining(longer, source, hooks);
longer.destroy();
gpu.destroy();

/** Writes pictures side by side. */
async function writePng(file: string, pictures: Pictures): Promise<void> {
  const { width, height, rgba } = pictureGrid(pictures);
  await sharp(rgba, { raw: { width, height, channels: 4 } }).toFile(file);
}

/**
 * JPEGs to time `catgan prepare` with, the same every time: discs on a gradient, with noise, 512×512, about 55 KB each.
 *
 *     node bench/jpegs.mjs FOLDER [COUNT]
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";

const side = 512;
const [folder, count = "400"] = process.argv.slice(2);
if (!folder) throw new Error("jpegs: expected a folder to make: node bench/jpegs.mjs FOLDER [COUNT]");
await mkdir(folder, { recursive: true });

for (let n = 0; n < Number(count); n++) {
  // A linear congruential generator (Numerical Recipes).
  let state = n * 7919 + 1;
  const random = () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const discs = Array.from({ length: 12 }, () => ({
    x: random() * side,
    y: random() * side,
    radius: random() * 90 + 20,
    colour: [random() * 255, random() * 255, random() * 255],
  }));
  const rgb = Buffer.alloc(side * side * 3);
  for (let y = 0, at = 0; y < side; y++) {
    for (let x = 0; x < side; x++, at += 3) {
      let pixel = [90 + x / 8, 80 + y / 7, 100];
      for (const disc of discs) {
        const edge = ((x - disc.x) ** 2 + (y - disc.y) ** 2) / disc.radius ** 2;
        if (edge < 1) pixel = pixel.map((value, c) => disc.colour[c] * (1 - edge) + value * edge);
      }
      const noise = (random() - 0.5) * 24;
      for (const [c, value] of pixel.entries()) rgb[at + c] = Math.max(0, Math.min(255, value + noise));
    }
  }
  const jpeg = await sharp(rgb, { raw: { width: side, height: side, channels: 3 } })
    .jpeg({ quality: 85 })
    .toBuffer();
  await writeFile(join(folder, `${n}.jpg`), jpeg);
}

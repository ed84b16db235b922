import { expect, test } from "vitest";
import { pictureGrid } from "../../src/data/grid.ts";
import { paintCats } from "../../src/data/painted.ts";
import { GridPainter } from "../../src/page/train/grid_view.ts";
import { testStream } from "../kernels/gpu.ts";

test.each([
  { size: 16, count: 9, columns: 3 },
  { size: 16, count: 5, columns: 3 }, // a row that is not full
  { size: 2, count: 3, columns: 5 }, // more columns than pictures
])("the GPU paints the grid that files have: $count pictures of $size, $columns a row", async (layout) => {
  const { size, count, columns } = layout;
  const stream = await testStream();
  const { device } = stream.gpu;
  const pictures =
    size === 16 ? paintCats(size, count, 3) : { size, count, pixels: new Uint8Array(36).map((_, i) => 7 * i) };
  const words = new Uint32Array(Math.ceil(pictures.pixels.length / 4));
  new Uint8Array(words.buffer).set(pictures.pixels);
  const pixels = stream.persistent("pictures", [words.length]);
  stream.write(pixels, words);
  await stream.flush();
  const { width, height, rgba } = pictureGrid(pictures, columns);
  // A row of a copied texture takes a multiple of 256 bytes.
  const bytesPerRow = Math.ceil((width * 4) / 256) * 256;
  // RENDER_ATTACHMENT | COPY_SRC, COPY_DST | MAP_READ
  const target = device.createTexture({ size: [width, height], format: "rgba8unorm", usage: 0x10 | 0x1 });
  const staging = device.createBuffer({ size: bytesPerRow * height, usage: 0x8 | 0x1 });
  device.pushErrorScope("validation");
  new GridPainter(device, "rgba8unorm").paint({ size, count, pixels }, columns, target);
  const encoder = device.createCommandEncoder();
  encoder.copyTextureToBuffer({ texture: target }, { buffer: staging, bytesPerRow }, [width, height]);
  device.queue.submit([encoder.finish()]);
  expect((await device.popErrorScope())?.message).toBeUndefined();
  await staging.mapAsync(0x1);
  const copied = new Uint8Array(staging.getMappedRange());
  for (let row = 0; row < height; row++) {
    const painted = copied.slice(row * bytesPerRow, row * bytesPerRow + width * 4);
    expect(painted, `row ${row}`).toEqual(rgba.slice(row * width * 4, (row + 1) * width * 4));
  }
});

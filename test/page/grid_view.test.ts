import { expect, test } from "vitest";
import { GridPainter } from "../../src/page/train/grid_view.ts";
import { testStream } from "../kernels/gpu.ts";

test("every word of the grid becomes its pixel", async () => {
  const stream = await testStream();
  const { device } = stream.gpu;
  // 64 pixels a row fill the 256 bytes that a row of a copied texture takes.
  const [width, height] = [64, 5];
  const words = Uint32Array.from({ length: width * height }, (_, i) => (0xff000000 | (i * 2654435761)) >>> 0);
  const grid = stream.persistent("grid", [height, width]);
  stream.write(grid, words);
  await stream.flush();
  // RENDER_ATTACHMENT | COPY_SRC, COPY_DST | MAP_READ
  const target = device.createTexture({ size: [width, height], format: "rgba8unorm", usage: 0x10 | 0x1 });
  const staging = device.createBuffer({ size: words.byteLength, usage: 0x8 | 0x1 });
  device.pushErrorScope("validation");
  new GridPainter(device, "rgba8unorm").paint(grid, target);
  const encoder = device.createCommandEncoder();
  encoder.copyTextureToBuffer({ texture: target }, { buffer: staging, bytesPerRow: 256 }, [width, height]);
  device.queue.submit([encoder.finish()]);
  expect((await device.popErrorScope())?.message).toBeUndefined();
  await staging.mapAsync(0x1);
  expect(new Uint32Array(staging.getMappedRange().slice(0))).toEqual(words);
});

import { expect, test } from "vitest";
import { copy, fmaLoop } from "../../bench/ceilings.ts";
import { Workbench } from "../../bench/workbench.ts";
import { testStream } from "../kernels/gpu.ts";

test("the loop of multiply-adds and the copy compute every element, in whole vec4s or not", async () => {
  const { gpu } = await testStream();
  // What stays with the GPU, for the next bench too, is there from now on.
  const first = new Workbench(gpu);
  first.random([1]);
  await first.dispose();
  const before = gpu.counts.buffers;
  const bench = new Workbench(gpu);
  const { stream } = bench;
  for (const size of [1, 63, 64, 257]) {
    const [y, x, copied] = [bench.output([size]), bench.random([size]), bench.output([size])];
    fmaLoop(stream, y, 2);
    copy(stream, x, copied);
    expect([...(await stream.read(y))]).toEqual(new Array(size).fill(24));
    expect(await stream.read(copied)).toEqual(await stream.read(x));
  }
  expect(() => copy(stream, bench.random([4]), bench.random([5]))).toThrow("same number of elements");
  await bench.dispose();
  expect(gpu.counts.buffers).toBe(before);
});

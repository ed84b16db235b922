import { describe, expect, test } from "vitest";
import { describeAdapter, Gpu, GpuError, inMebibytes, LimitError } from "../../src/gpu/gpu.ts";
import { Stream } from "../../src/gpu/stream.ts";
import { add } from "../../src/kernels/elementwise.ts";
import { openDevice, testStream } from "../kernels/gpu.ts";

const { gpu } = await testStream();
const storage = 0x80 | 0x4 | 0x8; // STORAGE | COPY_SRC | COPY_DST

describe("buffers", () => {
  test("counts are flat after creating and destroying", () => {
    const before = { ...gpu.counts };
    const buffers = [1, 100, 3 * 2 ** 20].map((bytes) => gpu.createBuffer("b", bytes, storage));
    expect(gpu.counts).toEqual({
      ...before,
      buffers: before.buffers + 3,
      bytes: before.bytes + 16 + 100 + 3 * 2 ** 20,
    });
    for (const buffer of buffers) gpu.destroyBuffer(buffer);
    expect(gpu.counts).toEqual(before);
  });

  test("one over the limit: the error says how much was asked for, what there is and what to try", () => {
    const before = { ...gpu.counts };
    const real = gpu.limits.bufferBytes;
    gpu.limits.bufferBytes = 2 ** 20;
    expect(() => gpu.createBuffer("activations", 2 ** 28, storage)).toThrow(
      new LimitError("activations: needs a buffer of 256 MiB, this GPU allows 1.0 MiB"),
    );
    gpu.limits.bufferBytes = real;
    expect(gpu.counts).toEqual(before);
  });

  test("memory that runs out is an error of the next settle", async () => {
    const real = gpu.device.popErrorScope;
    const { device } = gpu;
    // No machine runs out of memory on demand: the scope's answer is made up.
    device.popErrorScope = async () => {
      await real.call(device);
      return { message: "no memory" } as GPUError;
    };
    const buffer = gpu.createBuffer("b", 2 ** 20, storage);
    device.popErrorScope = real;
    await expect(gpu.settle()).rejects.toThrow(/out of GPU memory with .* requested: try a smaller/);
    gpu.destroyBuffer(buffer);
    await gpu.settle();
  });
});

describe("device loss", () => {
  test("resolves gpu.lost, and every later call is a GpuError that says what to do", async () => {
    const mortal = await openDevice();
    const stream = new Stream(mortal);
    const [a, b, y] = ["a", "b", "y"].map((label) => stream.from(label, [4], [1, 2, 3, 4]));
    add(stream, a, b, y);
    expect([...(await stream.read(y))]).toEqual([2, 4, 6, 8]);
    const reading = stream.read(y).catch((error: unknown) => error);
    mortal.destroy();
    const info = await mortal.lost;
    expect(info.reason).toBe("destroyed");
    // The read was on its way: it ends, one way or the other.
    const outcome = await reading;
    expect(outcome instanceof GpuError || outcome instanceof Float32Array).toBe(true);
    const gone = /the GPU device was lost \(.+\): open it again and continue from a checkpoint/;
    expect(() => mortal.checkAlive()).toThrow(gone);
    expect(() => stream.persistent("p", [4])).toThrow(GpuError);
    add(stream, a, b, y);
    await expect(stream.flush()).rejects.toThrow(gone);
    await expect(stream.read(y)).rejects.toThrow(GpuError);
    await expect(stream.idle()).rejects.toThrow(gone);
  });

  test("a replay on a lost device fails as well", async () => {
    const mortal = await openDevice();
    const stream = new Stream(mortal);
    const [a, b, y] = ["a", "b", "y"].map((label) => stream.persistent(label, [4]));
    const recording = await stream.capture("step", () => add(stream, a, b, y));
    mortal.destroy();
    await mortal.lost;
    await expect(stream.replay(recording)).rejects.toThrow(GpuError);
  });
});

describe("opening", () => {
  test("an adapter that is too small is named, with the limit", async () => {
    const adapter = {
      info: { vendor: "acme", description: "toy" },
      limits: { maxComputeInvocationsPerWorkgroup: 64, maxStorageBuffersPerShaderStage: 8 },
    } as unknown as GPUAdapter;
    await expect(Gpu.open(adapter)).rejects.toThrow(
      new GpuError("adapter toy (acme): maxComputeInvocationsPerWorkgroup is 64, the kernels need 128"),
    );
  });

  test("gets the buffers that the adapter has, not the default ones", () => {
    expect(gpu.limits.bindingBytes).toBeGreaterThan(128 * 2 ** 20);
    expect(gpu.limits.bufferBytes).toBeGreaterThanOrEqual(gpu.limits.bindingBytes);
  });
});

test("an adapter's name", () => {
  const info = { vendor: "", architecture: "", device: "", description: "" } as GPUAdapterInfo;
  expect(describeAdapter(info)).toBe("unnamed adapter");
  expect(describeAdapter({ ...info, vendor: "apple", architecture: "metal-3" })).toBe("metal-3 (apple)");
  expect(describeAdapter({ ...info, vendor: "nvidia", description: "NVIDIA L4" })).toBe("NVIDIA L4");
});

test("formatted bytes", () => {
  expect([inMebibytes(2 ** 20), inMebibytes(2 ** 19), inMebibytes(268 * 2 ** 20)]).toEqual([
    "1.0 MiB",
    "0.5 MiB",
    "268 MiB",
  ]);
});

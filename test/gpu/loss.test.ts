/** Devices that are lost while something is on its way. Implementations differ in which call fails, so all of them do. */
import { expect, test } from "vitest";
import { Gpu, GpuError } from "../../src/gpu/gpu.ts";
import { Stream } from "../../src/gpu/stream.ts";
import { add } from "../../src/kernels/elementwise.ts";
import { paperAdapter } from "../../src/train/plan.ts";

const calls = [
  "mapAsync",
  "getMappedRange",
  "unmap",
  "detached",
  "submit",
  "onSubmittedWorkDone",
  "createCommandEncoder",
  "popErrorScope",
] as const;
type Call = (typeof calls)[number];
/** These reject, the others throw. */
const promising = ["mapAsync", "onSubmittedWorkDone", "popErrorScope"];
const lostError = new Error("device is lost, says the implementation");

/** A device of paper on which a call fails from the moment that `lose` is called; `report` tells that the device is lost. */
async function mortalGpu(call: Call) {
  const adapter = paperAdapter({ bufferBytes: 2 ** 28, bindingBytes: 2 ** 27, software: true });
  const device = await adapter.requestDevice();
  let gone = false;
  let report = (_: GPUDeviceLostInfo) => {};
  const failing = <T extends object>(target: T, names: readonly string[]): T =>
    new Proxy(target, {
      get(object, name) {
        const value = Reflect.get(object, name);
        if (typeof value !== "function") return value;
        return (...words: unknown[]) => {
          const fails = gone && names.includes(String(name));
          if (fails && promising.includes(String(name))) return Promise.reject(lostError);
          if (fails) throw lostError;
          const result = value.apply(object, words);
          if (name === "createBuffer") return failing(result, [call]);
          if (name === "getMappedRange" && call === "detached" && gone) structuredClone(result, { transfer: [result] });
          return result;
        };
      },
    });
  const mortal = {
    ...device,
    lost: new Promise<GPUDeviceLostInfo>((resolve) => {
      report = resolve;
    }),
    queue: failing(device.queue, [call]),
  };
  const gpu = await Gpu.open({ ...adapter, requestDevice: async () => failing(mortal, [call]) } as GPUAdapter);
  return {
    gpu,
    lose: () => {
      gone = true;
    },
    report: () => report({ message: "hung", reason: "unknown" } as GPUDeviceLostInfo),
  };
}

const loss = /^the GPU device was lost \(hung\): open it again and continue from a checkpoint$/;

test.each(calls)("a device lost in %s: the error names the loss, early or late as it is reported", async (call) => {
  for (const reportedAfter of [null, 0, 20]) {
    const { gpu, lose, report } = await mortalGpu(call);
    const stream = new Stream(gpu);
    const [a, b, y] = ["a", "b", "y"].map((label) => stream.persistent(label, [4]));
    const recording = await stream.capture("step", () => add(stream, a, b, y));
    const works: [what: string, work: () => Promise<unknown>][] = [
      ["read", () => stream.read(y)],
      [
        "flush",
        () => {
          add(stream, a, b, y);
          return stream.flush();
        },
      ],
      ["replay", () => stream.replay(recording)],
      ["capture", () => stream.capture("again", () => add(stream, a, b, y))],
      ["idle", () => stream.idle()],
    ];
    lose();
    if (reportedAfter === null) report();
    else setTimeout(report, reportedAfter);
    const failures = [];
    for (const [what, work] of works) {
      const error = await work().then(
        () => null,
        (error: Error) => error,
      );
      if (error === null) continue;
      failures.push(what);
      expect(error, what).toBeInstanceOf(GpuError);
      expect(error.message, what).toMatch(loss);
    }
    expect(failures, `reported after ${reportedAfter}`).toContain(call === "onSubmittedWorkDone" ? "idle" : "read");
  }
});

test("a mapping that fails on a living device names the tensor", async () => {
  const { gpu, lose } = await mortalGpu("getMappedRange");
  const stream = new Stream(gpu);
  const y = stream.persistent("y", [4]);
  const { buffers } = gpu.counts;
  lose();
  const error = await stream.read(y).catch((error: unknown) => error);
  expect(error).toEqual(new GpuError("read: y [4]: device is lost, says the implementation"));
  // The buffer that could not be mapped is not kept.
  expect(gpu.counts.buffers).toBe(buffers);
});

import { expect, test } from "vitest";
import { describeAdapter, describeRunTime, describeSpeed } from "../../src/page/describe_adapter.ts";

test("a real GPU needs no advice; a software adapter is named as one", () => {
  const real = describeAdapter({ kind: "found", name: "Apple M2", software: false }, true);
  expect(real).toEqual({ text: "Found Apple M2.", help: null, canTrain: true });
  const software = describeAdapter({ kind: "found", name: "SwiftShader", software: true }, true);
  expect(software.text).toMatch(/^No GPU found.*\(SwiftShader\).*a GPU is roughly 100 times faster\.$/);
  expect(software.help!.lines.length).toBeGreaterThan(0);
  expect(software.canTrain).toBe(true);
});

test("without WebGPU it says why, and which browsers have it", () => {
  const none = { kind: "none", reason: "no WebGPU", detail: "" } as const;
  expect(describeAdapter(none, true).help!.lines.join(" ")).toMatch(/Chrome.*Safari.*Firefox/);
  expect(describeAdapter(none, false).text).toMatch(/https/);
  for (const reason of ["no WebGPU", "no adapter", "too small"] as const) {
    expect(describeAdapter({ kind: "none", reason, detail: "x" }, true).canTrain).toBe(false);
  }
});

test("measured speed and the run time that follows from it", () => {
  const speed = { picturesPerSecond: 45.678, flopsPerSecond: 1e9 };
  expect(describeSpeed(speed)).toBe("Measured: 45.7 pictures per second at 32 × 32.");
  expect(describeSpeed(null)).toBeNull();
  expect(describeRunTime(speed, 3e11, "tiny")).toBe("about 5 min");
  expect(describeRunTime(speed, 3e11, "steady")).toBe("at most 5 min");
});

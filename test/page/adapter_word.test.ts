import { expect, test } from "vitest";
import { adapterWord, etaWord, speedWord } from "../../src/page/adapter_word.ts";

test("a real GPU needs no advice, a software one is called one", () => {
  const real = adapterWord({ kind: "found", name: "Apple M2", software: false }, true);
  expect(real).toEqual({ text: "Found Apple M2.", help: null, canTrain: true });
  const software = adapterWord({ kind: "found", name: "SwiftShader", software: true }, true);
  expect(software.text).toMatch(/SwiftShader pretends to be one.*a real GPU is some hundred times faster/);
  expect(software.help!.lines.length).toBeGreaterThan(0);
  expect(software.canTrain).toBe(true);
});

test("without WebGPU it says why, and where there is one", () => {
  const none = { kind: "none", reason: "no WebGPU", detail: "" } as const;
  expect(adapterWord(none, true).help!.lines.join(" ")).toMatch(/Chrome.*Safari.*Firefox/);
  expect(adapterWord(none, false).text).toMatch(/https/);
  for (const reason of ["no WebGPU", "no adapter", "too small"] as const) {
    expect(adapterWord({ kind: "none", reason, detail: "x" }, true).canTrain).toBe(false);
  }
});

test("what was measured, and what follows", () => {
  const speed = { picturesPerSecond: 45.678, flopsPerSecond: 1e9 };
  expect(speedWord(speed)).toBe("Measured: 45.7 pictures a second at 32 × 32.");
  expect(speedWord(null)).toBeNull();
  expect(etaWord(speed, 3e11, "tiny")).toBe("about 5 min");
  expect(etaWord(speed, 3e11, "steady")).toBe("at most 5 min");
});

import { afterEach, expect, test, vi } from "vitest";
import { verifyCommand } from "../../src/cli/verify.ts";
import { type KernelResult, verify } from "../../src/verify/verify.ts";

// The kernels themselves are checked in test/kernels; here it is what people see of that.
vi.mock("../../src/verify/verify.ts");

const good: KernelResult = { kernel: "conv2d", shapes: 42, worst: 0.5123, failures: [] };
const exact: KernelResult = { kernel: "add", shapes: 9, worst: 0, failures: [] };
const bad: KernelResult = {
  kernel: "transposedConv2dInputGradient",
  shapes: 4,
  worst: Number.POSITIVE_INFINITY,
  failures: ["one", "two", "three", "four", "five"],
};

afterEach(() => {
  vi.restoreAllMocks();
});

async function run(results: KernelResult[], { json = false, quick = false, filter = null as string | null } = {}) {
  const given: unknown[] = [];
  vi.mocked(verify).mockImplementation(async (_, options, onResult) => {
    given.push(options);
    for (const result of results) onResult?.(result);
    return results;
  });
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const code = await verifyCommand({ seed: 7, quick, filter, adapter: "software", json });
  return { code, output: log.mock.calls.map(([line]) => line).join("\n"), given };
}

test("a table, and a sentence at the end", async () => {
  const { code, output, given } = await run([good, exact]);
  expect(code).toBe(0);
  expect(given).toEqual([{ seed: 7, rounds: 10 }]);
  expect(output.replace(/SwiftShader.*/g, "SwiftShader")).toBe(
    [
      "adapter: SwiftShader",
      "seed: 7",
      "",
      "kernel                                shapes   worst ÷ allowed",
      "conv2d                                    42             0.512  ok",
      "add                                        9             exact  ok",
      "",
      "2 kernels agree with their f64 references on SwiftShader",
    ].join("\n"),
  );
});

test("a miss: its shapes, a table of at most 80 columns, exit code 1", async () => {
  const { code, output } = await run([good, bad], { quick: true });
  expect(code).toBe(1);
  expect(output).toContain(
    "transposedConv2dInputGradient              4                 ∞  FAIL\n  one\n  two\n  three\n",
  );
  expect(output).toContain("  and 2 more\n");
  expect(output).toMatch(/\n1 of 2 kernels disagree with their f64 references on SwiftShader/);
  expect(
    Math.max(
      ...output
        .split("\n")
        .slice(0, -1)
        .map((line) => line.length),
    ),
  ).toBeLessThanOrEqual(80);
});

test("--json: one object per line", async () => {
  const { code, output, given } = await run([good, bad], { json: true, quick: true });
  expect(code).toBe(1);
  expect(given).toEqual([{ seed: 7, rounds: 0 }]);
  expect(output.split("\n").map((line) => JSON.parse(line))).toEqual([
    { event: "start", adapter: expect.stringContaining("SwiftShader"), seed: 7 },
    { event: "kernel", ...good },
    { event: "kernel", ...bad, worst: null },
    { event: "end", kernels: 2, failed: [bad.kernel] },
  ]);
});

test("a filter is passed on, if a kernel has it in its name", async () => {
  const { given } = await run([exact], { filter: "Add" });
  expect(given).toEqual([{ seed: 7, rounds: 10, filter: "Add" }]);
  await expect(run([], { filter: "addd" })).rejects.toThrow(
    /^--filter addd: no kernel has this in its name; the kernels are conv2d, /,
  );
});

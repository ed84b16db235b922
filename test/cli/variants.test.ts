/** Which kernels a run uses: measured and remembered, or from a file, and kept in its checkpoint. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { decodeSafetensors } from "../../src/train/safetensors.ts";
import { run, temporaryFolder } from "./program.ts";

const folder = temporaryFolder();
const small = "--preset tiny --size 16 --base 4 --base-d 4 --batch 4 --z 8 --adapter software".split(" ");
const train = (dir: string, ...more: string[]) => [
  "train",
  ...small,
  "--steps",
  "1",
  "--out",
  join(folder, dir),
  ...more,
];

function variantsOf(dir: string): Record<string, string> {
  const file = readFileSync(join(folder, dir, "checkpoints", "step-000001.safetensors"));
  return JSON.parse(decodeSafetensors(file).metadata.machine).variants;
}

test("a file's choices are used, kept with the run, and used by the resumed run", async () => {
  expect((await run(...train("table", "--variants", "table"))).code).toBe(0);
  const table = variantsOf("table");
  const [key] = Object.keys(table).filter((key) => key.startsWith("forward") && table[key] !== "8x8");
  const file = join(folder, "choices.json");
  writeFileSync(file, JSON.stringify({ rate: 1e6, choices: { [key]: "8x8" } }));
  expect((await run(...train("chosen", "--variants", file))).code).toBe(0);
  expect(variantsOf("chosen")).toEqual({ ...table, [key]: "8x8" });

  const resumed = await run("train", "--resume", join(folder, "chosen"), "--steps", "2");
  expect(resumed.stderr).not.toContain("warning");
  expect(resumed.code).toBe(0);
  const after = readFileSync(join(folder, "chosen", "checkpoints", "step-000002.safetensors"));
  expect(JSON.parse(decodeSafetensors(after).metadata.machine).variants[key]).toBe("8x8");
});

test("measured choices are remembered for the adapter", async () => {
  const cache = join(folder, "cache");
  vi.stubEnv("XDG_CACHE_HOME", cache);
  onTestFinished(() => void vi.unstubAllEnvs());
  const { code, stderr } = await run(...train("measured", "--variants", "measure"));
  expect(stderr).toBe("");
  expect(code).toBe(0);
  const path = join(cache, "catgan", "variants.json");
  const [[name, { rate, choices }]] = Object.entries<{ rate: number; choices: Record<string, string> }>(
    JSON.parse(readFileSync(path, "utf8")),
  );
  expect(name).toMatch(/^\d+\.\d+\.\d+ \S/);
  expect(rate).toBeGreaterThan(1e3);
  const used = variantsOf("measured");
  expect(Object.keys(used).sort()).toEqual(Object.keys(choices).sort());
  expect(used).toEqual(choices);
  // Remembered: what is in the file is believed, not measured again.
  const changed = Object.fromEntries(
    Object.keys(choices).map((key) => [key, key.startsWith("filter") ? "8x8 in 1" : "8x8"]),
  );
  writeFileSync(path, JSON.stringify({ [name]: { rate, choices: changed } }));
  expect((await run(...train("again", "--variants", "measure"))).code).toBe(0);
  expect(variantsOf("again")).toEqual(changed);
});

test.each([
  ["nothing there", null, /cannot be read as JSON/],
  ["no JSON", "{", /cannot be read as JSON/],
  ["another JSON", '{"choices":[1],"rate":1}', /has no "rate" and "choices"/],
  ["a rate of 0", '{"choices":{},"rate":0}', /has no "rate" and "choices"/],
])("a file that is none is refused: %s", async (_, content, message) => {
  const file = join(folder, "bad.json");
  if (content !== null) writeFileSync(file, content);
  const { code, stderr } = await run(...train("refused", "--variants", content === null ? join(folder, "none") : file));
  expect(stderr).toMatch(/^catgan: --variants [^\n]+\n$/);
  expect(stderr).toMatch(message);
  expect(code).toBe(2);
});

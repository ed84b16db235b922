import { expect, test } from "vitest";
import type { Analysis } from "../../bench/isa/analysis.ts";
import { families } from "../../bench/isa/families.ts";
import { violations } from "../../bench/isa/limits.ts";
import { help, readOptions } from "../../bench/isa/options.ts";
import { isaPrograms } from "../../bench/isa/programs.ts";
import { tables, withTables } from "../../bench/isa/report.ts";
import { passes, variants } from "../../src/kernels/variants.ts";

const facts = {
  wave: 64,
  vgprs: 128,
  sgprs: 41,
  spilledVgprs: 0,
  spilledSgprs: 0,
  ldsBytes: 16896,
  scratchBytes: 0,
  codeBytes: 12068,
  instructions: 2247,
  wavesPerSimd: 4,
};
const iteration = {
  steps: 16,
  instructions: 1384.875,
  fma: 1024,
  vector: 1156.125,
  scalar: 78.75,
  ldsReads: 64,
  ldsWrites: 4,
  loads: 4,
  fmaShare: 0.739,
  fmaClockShare: 0.878,
  prefetches: false,
};
const model = { groups: 4, rate: 0.813, loopRate: 0.829, vector: 0.94, lds: 0.44, memory: 0.05 };
const tile: Analysis = {
  program: "forward shared 128x128",
  family: "navi21",
  inStep: true,
  tile: "shared",
  facts,
  iteration,
  model,
};
const direct: Analysis = {
  ...tile,
  program: "forward 16x16",
  inStep: false,
  tile: "direct",
  facts: { ...facts, vgprs: 256, spilledVgprs: 238 },
  iteration: { ...iteration, prefetches: null },
  model: null,
};
const adam: Analysis = { ...direct, program: "adam", inStep: true, tile: null, facts, iteration: null };

test("tables: facts, counts and model apart; a value per family where they differ", () => {
  const navi31 = { ...tile, family: "navi31", facts: { ...facts, vgprs: 132 } };
  const source = { adapter: "radv: Mesa 25.0.7 (amd)", webgpu: "0.6.2", families };
  const lines = tables([tile, direct, adam, navi31], source).split("\n");
  const rows = lines.filter((line) => line.startsWith("|")).map((line) => line.replaceAll(/ +/g, " "));
  expect(lines[0]).toContain("Compiled by radv: Mesa 25.0.7 (amd) from what npm webgpu 0.6.2 makes of the WGSL");
  expect(lines[0]).toContain("a cell reads navi21 / navi31");
  expect(rows).toContain("| forward shared 128x128 ● | 128 / 132 | 41 | 0 | 16,896 | 4 | 2,247 |");
  expect(rows).toContain("| forward 16x16 | 256 | 41 | 238 | 16,896 | 4 | 2,247 |");
  expect(rows).toContain("| adam | 128 | 41 | 0 | 16,896 | 4 | 2,247 |");
  expect(rows).toContain("| forward shared 128x128 ● | 16 | 1,385 | 1,156 | 1,024 | 74% | 64 | 4 | 4 | no |");
  expect(rows).toContain("| forward shared 128x128 ● | 4 | 88% | 81% | 83% | 94% | 44% | 5% |");
  expect(rows.filter((row) => row.startsWith("| forward 16x16"))).toHaveLength(2);
  for (const what of ["**Facts**", "**Counted**", "**Model**"]) {
    expect(lines.some((line) => line.startsWith(what))).toBe(true);
  }
});

test("without the model there is no table of it", () => {
  const source = { adapter: "radv", webgpu: "0.6.2", families: [families[0]] };
  const text = tables([{ ...tile, model: null }], source);
  expect(text).not.toContain("**Model**");
  expect(text).not.toContain("a cell reads");
});

test("tables replace what is between the markers", () => {
  const document = "a\n<!-- bench:isa -->\nold\n<!-- /bench:isa -->\nz";
  expect(withTables(document, "new")).toBe("a\n<!-- bench:isa -->\n\nnew\n\n<!-- /bench:isa -->\nz");
  expect(() => withTables("nothing", "new")).toThrow("<!-- bench:isa --> and <!-- /bench:isa --> are not there");
});

test("limits: what GPUs run must not spill, and a shared tile must leave enough waves", () => {
  // A direct tile that no GPU uses by default may spill.
  expect(violations([tile, direct, adam])).toEqual([]);
  expect(violations([{ ...tile, facts: { ...facts, spilledVgprs: 3, spilledSgprs: 1 } }])).toEqual([
    "forward shared 128x128 on navi21: spills 4 registers, expected none; make its tile smaller or keep fewer values alive",
  ]);
  expect(violations([{ ...adam, facts: { ...facts, spilledVgprs: 1 } }])[0]).toContain("adam on navi21: spills 1 ");
  expect(violations([{ ...tile, facts: { ...facts, vgprs: 136 } }])).toEqual([
    "forward shared 128x128 on navi21: needs 136 vector registers, expected at most 128",
  ]);
  // 4×4 sums per thread.
  const small = { ...tile, iteration: { ...iteration, fma: 256 } };
  expect(violations([small])).toEqual([
    "forward shared 128x128 on navi21: needs 128 vector registers, expected at most 80",
  ]);
});

test("options and their mistakes", () => {
  expect(readOptions([])).toEqual({
    families,
    filter: null,
    model: false,
    check: false,
    write: false,
    json: null,
    out: null,
    mirror: null,
  });
  expect(readOptions(["--family", "navi31,navi21"])!.families.map(({ name }) => name)).toEqual(["navi31", "navi21"]);
  expect(readOptions(["--check"])!.families.map(({ name }) => name)).toEqual(["navi31"]);
  expect(readOptions(["--write"])).toMatchObject({ write: true, model: true });
  expect(readOptions(["-h"])).toBeNull();
  expect(() => readOptions(["--famly", "x"])).toThrow("Unknown option '--famly'; npm run bench:isa -- --help");
  expect(() => readOptions(["--family", "navi99"])).toThrow("--family navi99: expected some of navi21, navi31");
  expect(() => readOptions(["--write", "--filter", "x"])).toThrow("--write cannot be combined with --filter");
  for (const line of help.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});

test("every variant of every pass is examined, under the program that its host function builds", async () => {
  const programs = await isaPrograms();
  const named = new Map(programs.map((program) => [program.name, program]));
  expect(named.size).toBe(programs.length);
  for (const pass of passes) {
    for (const { name, shaders, constants } of variants[pass]) {
      const program = named.get(`${pass} ${name}`)!;
      expect(program.files).toEqual(expect.arrayContaining([...shaders]));
      expect(program.constants).toEqual(constants);
    }
  }
  expect(named.get("forward shared 128x128")!.inStep).toBe(true);
  expect(named.get("adam")).toMatchObject({ inStep: true, tile: null });
});

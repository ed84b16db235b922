import { expect, test } from "vitest";
import { parseDisassembly } from "../../bench/isa/disassembly.ts";
import { families } from "../../bench/isa/families.ts";
import { countIteration, vectorClocks, wavesOf } from "../../bench/isa/iteration.ts";
import { pathOf } from "../../bench/isa/path.ts";
import { readShape } from "../../bench/isa/shape.ts";
import { disassembly, tileDisassembly, tileSize, unrolled } from "./isa_tile.ts";

const [navi21, navi31] = families;
/** Dawn's zeros for this much take two iterations of 128 threads. */
const ldsBytes = 2 * 16 * 128;
const shapeOf = (options?: Parameters<typeof tileDisassembly>[0]) =>
  readShape(parseDisassembly(tileDisassembly(options)), tileSize, ldsBytes);
const both = { a: true, b: true };

test("the shape: steps per iteration and inner trips follow from the number of multiply-adds", () => {
  expect(shapeOf()).toMatchObject({ steps: 2, innerTrips: 2 });
  expect(shapeOf({ inner: unrolled })).toMatchObject({ steps: 2, innerTrips: 0 });
  // The main loop unrolled as well.
  expect(shapeOf({ inner: unrolled + unrolled })).toMatchObject({ steps: 4, innerTrips: 0 });
  expect(() => shapeOf({ inner: `${unrolled}v_fmac_f32_e32 v1, v2, v3` })).toThrow(
    "multiplies 9 numbers in its main loop, expected a multiple of 8",
  );
});

test("a path goes through each loop as often as its rules say", () => {
  const shape = shapeOf();
  const path = pathOf(shape, { iterations: 6, iterationsPerTap: 3, loads: both });
  const times = (pattern: RegExp) => path.filter((i) => pattern.test(shape.code[i].text)).length;
  // Two slabs' steps in each of six iterations, four sums each.
  expect(times(/^v_fmac/)).toBe(6 * 2 * 4);
  expect(times(/^s_barrier/)).toBe(6 * 2);
  // Twice zeros, then each slab.
  expect(times(/^ds_store/)).toBe(2 + 6);
  // A tap begins after every third slab.
  expect(times(/^v_mul_lo/)).toBe(2);
  // The first slab is loaded before the loop.
  expect(times(/^buffer_load/)).toBe(2 * (1 + 6));
  expect(shape.code[path.at(-1)!].kind).toBe("end");
});

test("a wave runs only the loads that its threads take part in", () => {
  const shape = shapeOf();
  for (const [loads, register] of [
    [{ a: true, b: false }, "v1"],
    [{ a: false, b: true }, "v2"],
  ] as const) {
    const path = pathOf(shape, { iterations: 4, iterationsPerTap: 1, loads });
    const texts = path.map((i) => shape.code[i].text).filter((text) => text.startsWith("buffer_load"));
    expect(texts).toEqual(new Array(5).fill(`buffer_load_b128 v[20:23], ${register}, s[8:11], 0 offen`));
  }
});

test("which waves load A and B follows from the threads", () => {
  const waves = (threads: number, threadsOfA: number) =>
    wavesOf({ ...tileSize, threads, staged: { steps: 2, threadsOfA } });
  expect(waves(256, 128)).toEqual([
    { a: true, b: false },
    { a: true, b: false },
    { a: false, b: true },
    { a: false, b: true },
  ]);
  expect(waves(64, 32)).toEqual([{ a: true, b: true }]);
  expect(waves(128, 32)).toEqual([
    { a: true, b: true },
    { a: false, b: true },
  ]);
});

test("an iteration is counted without the program's start and end", () => {
  const iteration = countIteration(shapeOf(), tileSize, 3, navi21);
  expect(iteration.fma).toBeCloseTo(8);
  expect(iteration.ldsReads).toBeCloseTo(4);
  expect(iteration.ldsWrites).toBeCloseTo(1);
  // Each wave loads either A or B.
  expect(iteration.loads).toBeCloseTo(1);
  expect(iteration.vector).toBeCloseTo(8 + 1 / 3);
  expect(iteration.fmaClockShare).toBeCloseTo((8 * 2) / (8 * 2 + 8 / 3));
  expect(iteration.fmaShare).toBeCloseTo(8 / iteration.instructions);
  expect(iteration.prefetches).toBe(true);
});

test("a wait between the loads and the multiplication means that nothing is prefetched", () => {
  const prefetches = (afterLoads: string) => countIteration(shapeOf({ afterLoads }), tileSize, 3, navi21).prefetches;
  expect(prefetches("s_waitcnt vmcnt(0)")).toBe(false);
  expect(prefetches("s_waitcnt lgkmcnt(0)")).toBe(true);
  expect(prefetches("s_waitcnt vmcnt(1)")).toBe(true);
});

test("clocks of vector instructions: RDNA3 pairs multiply-adds", () => {
  const clocks = (text: string) =>
    [navi21, navi31].map((family) => vectorClocks(parseDisassembly(disassembly(text))[0], family));
  expect(clocks("v_fmac_f32_e32 v1, v2, v3")).toEqual([2, 1]);
  expect(clocks("v_add_nc_u32_e32 v1, v2, v3")).toEqual([2, 1]);
  expect(clocks("v_lshl_add_u32 v1, v2, 2, v3")).toEqual([2, 2]);
  expect(clocks("v_mul_lo_u32 v1, v2, v3")).toEqual([8, 8]);
  expect(clocks("v_lshrrev_b64 v[0:1], 2, v[2:3]")).toEqual([4, 4]);
});

test("a direct tile has one loop, and spilled registers do not end it", () => {
  const code = parseDisassembly(
    disassembly(`BB0:
      s_mov_b32 s0, 0
      BB1:
      scratch_store_b32 off, v1, s2
      s_cbranch_scc1 BB5
      BB2:
      s_cbranch_scc0 BB4
      BB3:
      buffer_load_b128 v[20:23], v1, s[8:11], 0 offen
      ${"v_fmac_f32_e32 v1, v2, v3\n".repeat(8)}
      s_branch BB2
      BB4:
      s_branch BB1
      BB5:
      s_endpgm`),
  );
  const size = { threads: 64, sums: 4, staged: null };
  const iteration = countIteration(readShape(code, size, 0), size, 2, navi21);
  expect(iteration.fma).toBeCloseTo(8);
  expect(iteration.loads).toBeCloseTo(1);
  expect(iteration.prefetches).toBeNull();
});

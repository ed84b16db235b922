import { expect, test } from "vitest";
import { parseDisassembly } from "../../bench/isa/disassembly.ts";
import { loopsOf, mainLoop } from "../../bench/isa/loops.ts";
import { readFacts } from "../../bench/isa/statistics.ts";
import { disassembly, tileDisassembly } from "./isa_tile.ts";

const parse = (text: string) => parseDisassembly(disassembly(text));

test.each([
  ["v_fmac_f32_e32 v31, v102, v105", { kind: "vector", fma: 1, bytes: 0 }],
  ["v_fmaak_f32 v1, v2, v3, 0x3f800000", { kind: "vector", fma: 1 }],
  ["v_pk_fma_f32 v[0:1], v[2:3], v[4:5], v[6:7]", { kind: "vector", fma: 2 }],
  ["v_dual_fmac_f32 v0, v1, v2 :: v_dual_fmac_f32 v3, v4, v5", { kind: "vector", fma: 2 }],
  ["v_dual_fmac_f32 v0, v1, v2 :: v_dual_mov_b32 v3, 0", { kind: "vector", fma: 1 }],
  ["v_mul_lo_u32 v1, v2, v3", { kind: "vector", fma: 0 }],
  ["s_waitcnt vmcnt(3) lgkmcnt(0)", { kind: "wait", loadsLeft: 3, ldsLeft: 0 }],
  ["s_waitcnt lgkmcnt(2)", { kind: "wait", loadsLeft: null, ldsLeft: 2 }],
  ["s_waitcnt_depctr 0xfff", { kind: "none" }],
  ["s_delay_alu instid0(VALU_DEP_1) | instskip(NEXT) | instid1(VALU_DEP_1)", { kind: "none" }],
  ["s_barrier", { kind: "barrier" }],
  ["s_buffer_load_dwordx4 s[12:15], s[8:11], null", { kind: "scalar load" }],
  ["s_cmp_lt_u32 s12, s13", { kind: "scalar" }],
  // RDNA2 and RDNA3 spell these differently.
  ["ds_read_b128 v[100:103], v97 offset:256", { kind: "LDS read", bytes: 16 }],
  ["ds_load_2addr_b32 v[0:1], v97 offset0:1 offset1:2", { kind: "LDS read", bytes: 8 }],
  ["ds_write2_b64 v1, v[0:1], v[2:3]", { kind: "LDS write", bytes: 16 }],
  ["buffer_load_dwordx4 v[20:23], v1, s[8:11], 0 offen", { kind: "load", bytes: 16 }],
  ["buffer_load_dword v20, v1, s[8:11], 0 offen", { kind: "load", bytes: 4 }],
  ["buffer_load_b64 v[20:21], v1, s[8:11], 0 offen", { kind: "load", bytes: 8 }],
  ["scratch_store_b32 off, v1, s2", { kind: "store", bytes: 4 }],
])("%s", (text, expected) => {
  expect(parse(text)[0]).toMatchObject({ opcode: text.split(" ")[0], ...expected });
});

test("branches know the instruction that they go to, and repeated instructions count", () => {
  const code = parse(`BB0:
    s_nop 0
    (then repeated 2 times)
    BB1:
    s_cbranch_scc0 BB3
    s_branch BB1
    BB3:
    s_endpgm`);
  expect(code.map(({ kind }) => kind)).toEqual(["none", "none", "none", "branch", "branch", "end"]);
  expect(code[3]).toMatchObject({ conditional: true, target: 5 });
  expect(code[4]).toMatchObject({ conditional: false, target: 3 });
});

test("what is no disassembly, or refers to nothing, is an error", () => {
  expect(() => parseDisassembly("")).toThrow("contains no instruction");
  expect(() => parse("s_branch BB7")).toThrow("branches to BB7, which it does not contain");
  expect(() => parse("image_sample v0, v1, s[0:7]")).toThrow("unknown instruction image_sample");
});

test("the main loop: the one that fills LDS and multiplies, or else the innermost that multiplies most", () => {
  const shared = parseDisassembly(tileDisassembly());
  expect(loopsOf(shared)).toHaveLength(3);
  const main = mainLoop(shared, loopsOf(shared))!;
  expect(shared[main.start].text).toBe("s_cmp_ge_u32 s21, s7");
  expect(shared[main.end].text).toBe("s_branch BB8");

  const direct = parse(`BB0:
    s_nop 0
    BB1:
    v_fmac_f32_e32 v31, v102, v105
    s_cbranch_scc0 BB1
    BB2:
    v_fmac_f32_e32 v31, v102, v105
    v_fmac_f32_e32 v31, v102, v105
    s_cbranch_scc0 BB2
    s_cbranch_scc0 BB0
    s_endpgm`);
  expect(mainLoop(direct, loopsOf(direct))).toEqual({ start: 3, end: 5 });
  expect(mainLoop(parse("s_endpgm"), [])).toBeNull();
});

test("facts are read from the compiler's statistics", () => {
  const statistics = {
    "Subgroup size": 64,
    VGPRs: 132,
    SGPRs: 128,
    "Pre-Sched SGPRs": 41,
    "Spilled VGPRs": 5,
    "Spilled SGPRs": 0,
    "LDS size": 16896,
    "Scratch size": 1024,
    "Code size": 13240,
    Instructions: 2576,
    "Subgroups per SIMD": 11,
  };
  const text = (values: object) =>
    Object.entries(values)
      .map(([name, value]) => `${name}\t${value}\n`)
      .join("");
  const rdna = { countedPerWave: 2 };
  expect(readFacts(text(statistics), rdna)).toEqual({
    wave: 64,
    vgprs: 132,
    sgprs: 41,
    spilledVgprs: 5,
    spilledSgprs: 0,
    ldsBytes: 16896,
    scratchBytes: 1024,
    codeBytes: 13240,
    instructions: 2576,
    wavesPerSimd: 5,
  });
  const { VGPRs: _, ...without } = statistics;
  expect(() => readFacts(text(without), rdna)).toThrow("no VGPRs; is this Mesa 25?");
});

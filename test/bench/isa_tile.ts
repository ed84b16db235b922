/** A small program in the form in which Mesa prints them, with everything that a shared tile has. */

/** Lines as a disassembly: labels stay, instructions get their tab and a comment like Mesa's. */
export function disassembly(text: string): string {
  return text
    .trim()
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => (/^BB\d+:|^\(/.test(line) ? line : `\t${line.padEnd(60)}; 7e020280`))
    .join("\n");
}

const fma = "v_fmac_f32_e32 v31, v102, v105\n";

/** Two waves that stage 2 steps of the depth at a time; each thread computes 4 sums. */
export const tileSize = { threads: 128, sums: 4, staged: { steps: 2, threadsOfA: 64 } };

/**
 * @param afterLoads comes after the loads for the next slab
 * @param inner the multiplication of a slab; by default a loop over its steps
 */
export function tileDisassembly({
  afterLoads = "",
  inner = `BB14:
    ds_load_b128 v[100:103], v97
    ds_load_b128 v[104:107], v98 offset:8448
    s_waitcnt lgkmcnt(0)
    ${fma.repeat(4)}s_cbranch_scc0 BB14`,
} = {}): string {
  return disassembly(`BB0:
    v_mov_b32_e32 v1, 0
    BB1:
    s_cbranch_scc0 BB3
    BB2:
    ds_store_b128 v1, v[4:7]
    s_branch BB1
    BB3:
    s_cbranch_execz BB5
    BB4:
    buffer_load_b128 v[20:23], v1, s[8:11], 0 offen
    BB5:
    s_cbranch_execz BB7
    BB6:
    buffer_load_b128 v[20:23], v2, s[8:11], 0 offen
    BB7:
    s_mov_b64 exec, -1
    BB8:
    s_cmp_ge_u32 s21, s7
    s_cbranch_scc1 BB20
    BB9:
    s_waitcnt vmcnt(0)
    s_barrier
    ds_store_b128 v99, v[100:103]
    s_waitcnt lgkmcnt(0)
    s_barrier
    s_cbranch_scc0 BB11
    BB10:
    v_mul_lo_u32 v22, s1, v117
    BB11:
    s_cbranch_execz BB12
    buffer_load_b128 v[20:23], v1, s[8:11], 0 offen
    BB12:
    s_cbranch_execz BB13
    buffer_load_b128 v[20:23], v2, s[8:11], 0 offen
    BB13:
    s_nop 0
    ${afterLoads}
    ${inner}
    s_add_u32 s21, s21, 1
    s_branch BB8
    BB20:
    buffer_store_b128 v[20:23], v1, s[8:11], 0 offen
    s_endpgm`);
}

/** The slab's multiplication without a loop, as compilers unroll it. */
export const unrolled = fma.repeat(8);

/** Reads the disassembly that Mesa prints, and says of each instruction which unit executes it. */

/** The unit that executes an instruction, or what it does to its wave. */
export type Kind =
  | "vector"
  | "scalar"
  | "scalar load"
  | "LDS read"
  | "LDS write"
  | "load"
  | "store"
  /** Waits until few enough loads are under way. */
  | "wait"
  | "barrier"
  | "branch"
  | "end"
  /** Hints and waits that take no time in the model. */
  | "none";

export interface Instruction {
  readonly text: string;
  readonly opcode: string;
  readonly kind: Kind;
  /** Multiply-adds per thread. */
  readonly fma: number;
  /** Bytes per thread that it moves between registers and LDS or memory. */
  readonly bytes: number;
  /** Of a wait: how many loads may remain under way (vmcnt), and how many of LDS and scalars (lgkmcnt); null for any. */
  readonly loadsLeft: number | null;
  readonly ldsLeft: number | null;
  /** Of a branch: whether it depends on a condition, and the index of the instruction that it goes to. */
  readonly conditional: boolean;
  readonly target: number;
}

const label = /^(BB\d+):/;
/** An instruction is indented by a tab and followed by a comment with its bytes. */
const line = /^\t([a-z]\w*)\s*(.*?)\s*(?:;.*)?$/;
const repeated = /\(then repeated (\d+) times\)/;

/** @throws Error when it contains no instruction, or a branch to a label that is not there */
export function parseDisassembly(text: string): Instruction[] {
  const labels = new Map<string, number>();
  const found: { opcode: string; operands: string }[] = [];
  for (const row of text.split("\n")) {
    const name = label.exec(row);
    if (name) labels.set(name[1], found.length);
    const times = repeated.exec(row);
    if (times) for (let i = 0; i < Number(times[1]); i++) found.push(found[found.length - 1]);
    const instruction = line.exec(row);
    if (instruction) found.push({ opcode: instruction[1], operands: instruction[2] });
  }
  if (found.length === 0) throw new Error("the disassembly contains no instruction; is this Mesa 25?");
  return found.map(({ opcode, operands }) => classify(opcode, operands, labels));
}

function classify(opcode: string, operands: string, labels: ReadonlyMap<string, number>): Instruction {
  const kind = kindOf(opcode);
  const text = `${opcode} ${operands}`.trim();
  const left = (counter: RegExp) => {
    const found = kind === "wait" ? counter.exec(operands) : null;
    return found ? Number(found[1]) : null;
  };
  const target = kind === "branch" ? labels.get(operands.split(/\s/)[0]) : -1;
  if (target === undefined) throw new Error(`the disassembly branches to ${operands}, which it does not contain`);
  return {
    text,
    opcode,
    kind,
    fma: kind === "vector" ? multiplyAdds(text) : 0,
    bytes: /^(LDS|load|store)/.test(kind) ? widthOf(opcode) : 0,
    loadsLeft: left(/vmcnt\((\d+)\)/),
    ldsLeft: left(/lgkmcnt\((\d+)\)/),
    conditional: opcode.startsWith("s_cbranch"),
    target,
  };
}

const hints = /^s_(waitcnt_\w+|delay_alu|clause|nop|inst_prefetch|set_inst_prefetch_distance|sendmsg|setreg_\w+)$/;

function kindOf(opcode: string): Kind {
  if (opcode === "s_waitcnt") return "wait";
  if (opcode === "s_barrier") return "barrier";
  if (opcode === "s_endpgm") return "end";
  if (/^s_c?branch/.test(opcode)) return "branch";
  if (hints.test(opcode)) return "none";
  if (/^s_(buffer_)?load/.test(opcode)) return "scalar load";
  if (opcode.startsWith("s_")) return "scalar";
  if (opcode.startsWith("ds_")) return /read|load/.test(opcode) ? "LDS read" : "LDS write";
  if (/^(buffer|global|scratch|flat)_/.test(opcode)) return /load|atomic/.test(opcode) ? "load" : "store";
  if (opcode.startsWith("v_")) return "vector";
  throw new Error(`unknown instruction ${opcode}: add it to bench/isa/disassembly.ts`);
}

/** v_fmac_f32, v_fma_f32, v_fmaak_f32; v_pk_fma_f32 has two; the two halves of a v_dual_… are joined by `::`. */
function multiplyAdds(text: string): number {
  const halves = text.split("::").filter((half) => /\bv_(dual_|pk_)?(fma|mac)/.test(half.trim()));
  return halves.length * (text.startsWith("v_pk_") ? 2 : 1);
}

/** RDNA2 writes ds_read_b128 and buffer_load_dwordx4, RDNA3 ds_load_b128 and buffer_load_b128; `2` stands for two places. */
function widthOf(opcode: string): number {
  const words = /dwordx(\d)/.exec(opcode);
  const bits = /_[bui](\d+)$/.exec(opcode);
  const each = words ? 4 * Number(words[1]) : bits ? Number(bits[1]) / 8 : 4;
  return /^ds_\w+?2(addr|st64|addr_stride64)?_b/.test(opcode) ? 2 * each : each;
}

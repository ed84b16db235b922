/**
 * Reads a program's uniforms and bindings from its text, so that the host can pass both by name, and a mistake is an error
 * that names the word or binding instead of a wrong result.
 */
import type { Tensor } from "./tensor.ts";

const types = ["u32", "i32", "f32"] as const;
type WordType = (typeof types)[number];

/** A word of `struct Sizes`. */
interface Word {
  readonly name: string;
  readonly type: WordType;
}

/** A storage binding. */
interface Binding {
  readonly name: string;
  readonly binding: number;
  readonly writable: boolean;
}

/** The values that the host passes to a program. Binding 0 is the uniform `sizes: Sizes`. */
export interface ShaderInterface {
  /** Words of `struct Sizes` in order, after the range of workgroups [first, end), which the stream adds. */
  readonly words: readonly Word[];
  /** Sorted by binding number, which may differ from the order of declaration. */
  readonly bindings: readonly Binding[];
}

/** Values by their names in `struct Sizes`; each is encoded by its declared type. */
export type Sizes = Readonly<Record<string, number>>;
/** Tensors by the names of the shader's variables. */
export type Bindings = Readonly<Record<string, Tensor>>;

/** Size of a uniform slot in words, including the range of workgroups. */
export const slotWords = 64;

const bindingPattern =
  /@group\(0\)\s*@binding\((\d+)\)\s*var<\s*(uniform|storage)\s*(?:,\s*(read_write|read)\s*)?>\s*(\w+)/g;

/**
 * Reads the interface from the declarations. @param name the kernel's name, for errors
 * @throws Error when the text lacks a declaration that every program needs
 */
export function readInterface(name: string, text: string): ShaderInterface {
  const code = text.replace(/\/\/.*|\/\*[\s\S]*?\*\//g, "");
  return { words: readWords(name, code), bindings: readBindings(name, code) };
}

function readWords(name: string, code: string): Word[] {
  const struct = /\bstruct\s+Sizes\s*\{([^}]*)\}/.exec(code);
  if (!struct) throw new Error(`${name}: the shader declares no struct Sizes`);
  const fields = struct[1].split(",").filter((field) => field.trim() !== "");
  const words = fields.map((field) => {
    const found = /^\s*(\w+)\s*:\s*(\w+)\s*$/.exec(field);
    const type = types.find((type) => type === found?.[2]);
    if (!found || !type) {
      throw new Error(`${name}: struct Sizes has the field "${field.trim()}", expected a name and u32, i32 or f32`);
    }
    return { name: found[1], type };
  });
  const range = words.slice(0, 2).map(({ name, type }) => `${name}: ${type}`);
  if (range.join() !== "first: u32,end: u32") {
    throw new Error(`${name}: struct Sizes begins with ${list(range)}, expected first: u32, end: u32`);
  }
  if (words.length > slotWords) {
    throw new Error(`${name}: struct Sizes has ${words.length} words, at most ${slotWords} fit`);
  }
  return words.slice(2);
}

function readBindings(name: string, code: string): Binding[] {
  const declared = [...code.matchAll(bindingPattern)].map(([, binding, space, access, variable]) => ({
    name: variable,
    binding: Number(binding),
    uniform: space === "uniform",
    writable: access === "read_write",
  }));
  declared.sort((a, b) => a.binding - b.binding);
  const [sizes, ...bindings] = declared;
  const uniforms = declared.filter(({ uniform }) => uniform);
  if (uniforms.length !== 1 || sizes !== uniforms[0] || sizes.binding !== 0) {
    throw new Error(`${name}: the shader needs one uniform, sizes, as binding 0`);
  }
  const twice = declared.find(({ binding }, i) => i > 0 && binding === declared[i - 1].binding);
  if (twice)
    throw new Error(`${name}: the shader declares binding ${twice.binding} twice, the second as ${twice.name}`);
  return bindings.map(({ name, binding, writable }) => ({ name, binding, writable }));
}

/** The explicit layout: `layout: "auto"` would drop a binding that the compiler finds unused. */
export function layoutEntries({ bindings }: ShaderInterface): GPUBindGroupLayoutEntry[] {
  const visibility = 4; // GPUShaderStage.COMPUTE
  return [
    { binding: 0, visibility, buffer: { type: "uniform" } },
    ...bindings.map(
      ({ binding, writable }): GPUBindGroupLayoutEntry => ({
        binding,
        visibility,
        buffer: { type: writable ? "storage" : "read-only-storage" },
      }),
    ),
  ];
}

/** The parts of a program that are used here. */
interface Named {
  readonly name: string;
  readonly interface: ShaderInterface;
}

const encodings: Readonly<Record<WordType, { needs: string; holds(value: number): boolean }>> = {
  u32: { needs: "a whole number from 0 to 2³² − 1", holds: (value) => value >>> 0 === value },
  i32: { needs: "a whole number from −2³¹ to 2³¹ − 1", holds: (value) => (value | 0) === value },
  f32: { needs: "a number that is finite in f32", holds: (value) => Number.isFinite(Math.fround(value)) },
};

/**
 * The words of `Sizes` in the shader's order, after its first two.
 * @throws Error when a word is missing, unknown, or does not fit its type
 */
export function encodeSizes({ name, interface: { words } }: Named, sizes: Sizes): Uint32Array {
  checkNames(name, "sizes", words, sizes);
  const u32 = new Uint32Array(words.length);
  const views = { u32, i32: new Int32Array(u32.buffer), f32: new Float32Array(u32.buffer) };
  for (const [i, { name: word, type }] of words.entries()) {
    const { needs, holds } = encodings[type];
    const value = sizes[word];
    if (!holds(value)) {
      throw new Error(`${name}: sizes has ${word} = ${value}; the shader declares it as ${type}, which needs ${needs}`);
    }
    views[type][i] = value;
  }
  return u32;
}

/** The tensors with their binding numbers. @throws Error when one is missing or unknown */
export function orderBindings({ name, interface: { bindings } }: Named, tensors: Bindings): [number, Tensor][] {
  checkNames(name, "bindings", bindings, tensors);
  return bindings.map(({ name, binding }) => [binding, tensors[name]]);
}

/** Checks that exactly the declared names are given. */
function checkNames(
  program: string,
  what: "sizes" | "bindings",
  declared: readonly { name: string; type?: WordType }[],
  given: Readonly<Record<string, unknown>>,
): void {
  const declares = `the shader declares ${list(declared.map(({ name }) => name))}`;
  const missing = declared.find(({ name }) => given[name] === undefined);
  if (missing) {
    const type = missing.type ? ` (${missing.type})` : "";
    throw new Error(`${program}: ${what} lacks "${missing.name}"${type}; got ${list(Object.keys(given))}; ${declares}`);
  }
  const names = new Set(declared.map(({ name }) => name));
  const extra = Object.keys(given).find((name) => !names.has(name));
  if (extra !== undefined) throw new Error(`${program}: ${what} has "${extra}"; ${declares}`);
}

const list = (names: readonly string[]) => names.join(", ") || "none";

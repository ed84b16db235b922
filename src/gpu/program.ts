/** From WGSL files to a compute pipeline: joined, laid out as the text declares, compiled without blocking, cached. */
import { type Gpu, GpuError, handled } from "./gpu.ts";
import { layoutEntries, readInterface, type ShaderInterface } from "./interface.ts";
import { repeat } from "./repeat.ts";

/** Every file of shaders/ and its folders, by its name without the ending: no two have the same. */
const shaders: Record<string, { path: string; text: string }> = {};
for (const [path, text] of Object.entries(
  import.meta.glob("../../shaders/*/*.wgsl", { query: "?raw", import: "default", eager: true }) as Record<
    string,
    string
  >,
)) {
  const name = path.slice(path.lastIndexOf("/") + 1, -".wgsl".length);
  shaders[name] = { path: path.slice("../../".length), text };
}

/** The names of all shaders: those of their files, without folder and ending. */
export const shaderNames: readonly string[] = Object.keys(shaders).sort();

/** Where a shader is, as `shaders/convolution/conv2d.wgsl`. @throws Error when there is none of this name */
export function shaderPath(name: string): string {
  return shaderOf(name).path;
}

function shaderOf(name: string): { path: string; text: string } {
  if (!(name in shaders)) throw new Error(`program: there is no ${name}.wgsl in a folder of shaders/`);
  return shaders[name];
}

/** What a program is made of. */
export interface ProgramSource {
  /** Names of shaders in the order in which they are joined: first the one that names the kernel. */
  readonly files: readonly string[];
  /** Values of the files' overrides, where they are not to have their defaults. */
  readonly constants?: Readonly<Record<string, number>>;
}

export interface Program extends ProgramSource {
  /** Name of the kernel: the file that names the operation. */
  readonly name: string;
  /** The names and types of what it is passed. */
  readonly interface: ShaderInterface;
  readonly layout: GPUBindGroupLayout;
  /** Null until compiled. */
  pipeline: GPUComputePipeline | null;
  /** @throws GpuError with the compiler's words, file and line. */
  readonly compiled: Promise<GPUComputePipeline>;
}

/** The program of these files on this GPU. Compilation starts at once and is waited for where it is first needed. */
export function program(gpu: Gpu, files: readonly string[], constants?: ProgramSource["constants"]): Program {
  const key = files.join("+") + (constants ? JSON.stringify(constants) : "");
  let found = gpu.programs.get(key);
  if (!found) gpu.programs.set(key, (found = compile(gpu, files, constants)));
  return found;
}

/** What every program that was asked for on this GPU is made of, so that another can compile them before they are needed. */
export function programsOf(gpu: Gpu): ProgramSource[] {
  return [...gpu.programs.values()].map(({ files, constants }) => ({ files, constants }));
}

function compile(gpu: Gpu, files: readonly string[], constants?: ProgramSource["constants"]): Program {
  const { device } = gpu;
  const { code, origins } = join({ files, constants });
  const name = files[0];
  const entry = entryPoint(code);
  const declared = readInterface(name, code);
  const layout = device.createBindGroupLayout({ label: name, entries: layoutEntries(declared) });
  gpu.counts.pipelines++;
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ label: name, code });
  const moduleError = device.popErrorScope();
  const result: { -readonly [key in keyof Program]: Program[key] } = {
    files,
    constants,
    name,
    interface: declared,
    layout,
    pipeline: null,
    compiled: undefined as never,
  };
  const build = async () => {
    try {
      // Asked for before anything is awaited: the compiler works while the caller goes on, even with something long.
      return await device.createComputePipelineAsync({
        label: name,
        layout: device.createPipelineLayout({ label: name, bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: entry, constants },
      });
    } catch (failure) {
      const error = await moduleError;
      const words = error ? await explain(module, error.message, origins) : (failure as Error).message;
      throw new GpuError(`${name}: ${words}`);
    }
  };
  result.compiled = handled(
    build().then((pipeline) => {
      result.pipeline = pipeline;
      return pipeline;
    }),
  );
  return result;
}

/** A program's whole text, and for each of its lines where it comes from, as `shaders/convolution/conv2d.wgsl:12`. */
export interface Joined {
  readonly code: string;
  readonly origins: readonly string[];
}

/** Joins the files of a program and carries out their `@repeat`s. @throws Error that names a file and line */
export function join({ files, constants }: ProgramSource): Joined {
  const sources = files.map(shaderOf);
  const overrideValue = (name: string) => constants?.[name] ?? defaultOf(name, sources);
  const parts = sources.map(({ path, text: source }) => {
    try {
      const { text, lines } = repeat(source, overrideValue);
      return { text, origins: lines.map((line) => `${path}:${line}`) };
    } catch (error) {
      throw new Error(`${path}: ${(error as Error).message}`);
    }
  });
  return { code: parts.map(({ text }) => text).join("\n"), origins: parts.flatMap(({ origins }) => origins) };
}

/** Of an override that one of the files declares. */
function defaultOf(name: string, sources: readonly { text: string }[]): number {
  for (const { text } of sources) {
    const found = new RegExp(`^override ${name} = (\\d+)u;`, "m").exec(text);
    if (found) return Number(found[1]);
  }
  throw new Error(`@repeat: no override ${name} with a number as its default is declared`);
}

/** The one function that is marked @compute. @throws Error when there is none */
function entryPoint(code: string): string {
  const found = /@compute\b[^{]*?\bfn\s+(\w+)/.exec(code);
  if (!found) throw new Error("program: these files have no @compute function");
  return found[1];
}

/** The compiler's errors with the lines of the files instead of those of the joined text. */
async function explain(module: GPUShaderModule, message: string, origins: readonly string[]): Promise<string> {
  const info = await module.getCompilationInfo().catch(() => null);
  const errors = info?.messages.filter((entry) => entry.type === "error") ?? [];
  if (errors.length === 0) return message;
  return errors.map(({ lineNum, message }) => `${origins[lineNum - 1] ?? `line ${lineNum}`}: ${message}`).join("; ");
}

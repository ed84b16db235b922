/** Turns WGSL files into a compute pipeline: joins them, derives the layout, compiles without blocking, and caches. */
import { type Gpu, GpuError, handled } from "./gpu.ts";
import { layoutEntries, readInterface, type ShaderInterface } from "./interface.ts";
import { repeat } from "./repeat.ts";

/** All WGSL files in the folders of shaders/, by name without extension; names are unique. */
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

/** The names of all shaders: their file names without folder and extension. */
export const shaderNames: readonly string[] = Object.keys(shaders).sort();

/** A shader's path, such as `shaders/convolution/conv2d.wgsl`. @throws Error when no shader has this name */
export function shaderPath(name: string): string {
  return shaderOf(name).path;
}

function shaderOf(name: string): { path: string; text: string } {
  if (!(name in shaders)) throw new Error(`program: shaders/ contains no ${name}.wgsl`);
  return shaders[name];
}

/** The files and constants that make up a program. */
export interface ProgramSource {
  /** Names of shaders in the order in which they are joined; the first one names the kernel. */
  readonly files: readonly string[];
  /** Values of the files' overrides that differ from their defaults. */
  readonly constants?: Readonly<Record<string, number>>;
}

export interface Program extends ProgramSource {
  /** Name of the kernel: the file that names the operation. */
  readonly name: string;
  /** The names and types of its uniforms and bindings. */
  readonly interface: ShaderInterface;
  readonly layout: GPUBindGroupLayout;
  /** Null until compiled. */
  pipeline: GPUComputePipeline | null;
  /** @throws GpuError with the compiler's message, file and line */
  readonly compiled: Promise<GPUComputePipeline>;
}

/** The program made of these files, on this GPU. Compilation starts immediately and is awaited where first needed. */
export function program(gpu: Gpu, files: readonly string[], constants?: ProgramSource["constants"]): Program {
  const key = files.join("+") + (constants ? JSON.stringify(constants) : "");
  let found = gpu.programs.get(key);
  if (!found) gpu.programs.set(key, (found = compile(gpu, files, constants)));
  return found;
}

/** The sources of all programs so far on this GPU, so that another GPU can compile them before they are needed. */
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
      // Called before anything is awaited, so that the compiler works while the caller continues, even with a long task.
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

/** A program's whole text, and the origin of each line, such as `shaders/convolution/conv2d.wgsl:12`. */
export interface Joined {
  readonly code: string;
  readonly origins: readonly string[];
}

/** Joins the files of a program and expands their `@repeat`s. @throws Error that names a file and line */
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

/** The default value of an override that one of the files declares. */
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

/** The compiler's errors, with line numbers of the files instead of the joined text. */
async function explain(module: GPUShaderModule, message: string, origins: readonly string[]): Promise<string> {
  const info = await module.getCompilationInfo().catch(() => null);
  const errors = info?.messages.filter((entry) => entry.type === "error") ?? [];
  if (errors.length === 0) return message;
  return errors.map(({ lineNum, message }) => `${origins[lineNum - 1] ?? `line ${lineNum}`}: ${message}`).join("; ");
}

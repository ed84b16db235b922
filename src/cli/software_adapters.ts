/** The adapters that compute on the processor: which of them a process uses, and the variables that it needs for that. */
import { dawnAccepts, findLavapipe, howToInstall, type Lavapipe } from "./lavapipe.ts";
import { inDeno, preloadSwiftShader, softwareFlag, swiftShaderEnvironment } from "./swiftshader.ts";

export interface SoftwareAdapter {
  readonly kind: "lavapipe" | "SwiftShader";
  /** The variables of a process that has no other Vulkan driver than this one. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Names that `--adapter` may give in part. */
const names = { lavapipe: ["lavapipe", "llvmpipe"], SwiftShader: ["swiftshader"] } as const;

const usable = (lavapipe: Lavapipe | null) => (lavapipe && (inDeno || dawnAccepts(lavapipe)) ? lavapipe : null);

/** Those that this system has, the fastest first. */
function* softwareAdapters(): Generator<SoftwareAdapter> {
  const lavapipe = usable(findLavapipe());
  if (lavapipe) {
    const { manifest } = lavapipe;
    yield {
      kind: "lavapipe",
      environment: { [softwareFlag]: manifest, VK_ICD_FILENAMES: manifest, VK_DRIVER_FILES: manifest },
    };
  }
  const environment = swiftShaderEnvironment();
  if (environment) yield { kind: "SwiftShader", environment };
}

/** The one that `--adapter` names: by two letters or more of its name. */
export function namedSoftware(choice: string): SoftwareAdapter["kind"] | null {
  const lower = choice.toLowerCase();
  const kinds = Object.keys(names) as SoftwareAdapter["kind"][];
  return kinds.find((kind) => lower.length > 1 && names[kind].some((name) => name.startsWith(lower))) ?? null;
}

/** The one that was named, else the fastest. @returns null if this system has none */
export function chooseSoftware(choice: string): SoftwareAdapter | null {
  const kind = namedSoftware(choice);
  for (const adapter of softwareAdapters()) if (kind === null || kind === adapter.kind) return adapter;
  return null;
}

/** The next one, when Dawn does not accept the one that this process was started for. */
export function otherThan(manifest: string): SoftwareAdapter | null {
  for (const adapter of softwareAdapters()) if (adapter.environment[softwareFlag] !== manifest) return adapter;
  return null;
}

/** Makes Deno's WebGPU find the software adapter, before its first request for one. */
export function useInDeno(choice: string): void {
  const software = chooseSoftware(choice);
  if (software?.kind === "SwiftShader") preloadSwiftShader();
  else Object.assign(process.env, software?.environment);
}

/** The environment of a process that has yet to choose a software adapter, as this one had before it did. */
export function outerEnvironment(): NodeJS.ProcessEnv {
  const { [softwareFlag]: entered, VK_ICD_FILENAMES, VK_DRIVER_FILES, ...env } = process.env;
  if (entered === undefined) return process.env;
  const paths = env.LD_LIBRARY_PATH?.split(":").filter((path) => path !== entered) ?? [];
  const { LD_LIBRARY_PATH, ...others } = env;
  return paths.length > 0 ? { ...others, LD_LIBRARY_PATH: paths.join(":") } : others;
}

/** What is said of a software adapter beside its name. */
export interface SoftwareNote {
  readonly why: string;
  /** What would be faster, and the command or option that gives it; null if this is the fastest that there is. */
  readonly faster: readonly [what: string, command: string] | null;
}

/** @param name the adapter's @param choice what `--adapter` says */
export function softwareNote(name: string, choice: string): SoftwareNote {
  const why = choice === "auto" ? "no GPU found" : `--adapter ${choice}`;
  if (!/swiftshader/i.test(name)) return { why, faster: null };
  const lavapipe = usable(findLavapipe());
  const faster = lavapipe ? ["lavapipe:", "--adapter lavapipe"] : ["lavapipe of Mesa 25 or later:", howToInstall()];
  return { why, faster: faster as [string, string] };
}

/** Why `chooseSoftware` found no lavapipe, and what to do. */
export function whyNoLavapipe(): string {
  const problem = findLavapipe() ? "the lavapipe here is older than Mesa 25, so Dawn refuses it" : "no lavapipe here";
  return `${problem}: ${howToInstall()}`;
}

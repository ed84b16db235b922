/** The programs whose machine code is examined: every tile of each convolution pass, and what a training step runs. */
import { Gpu } from "../../src/gpu/gpu.ts";
import { type ProgramSource, programsOf } from "../../src/gpu/program.ts";
import { Stream } from "../../src/gpu/stream.ts";
import { choiceKey } from "../../src/kernels/choices.ts";
import { conv2d, conv2dFilterGradient, conv2dInputGradient } from "../../src/kernels/conv2d.ts";
import { variantsFor } from "../../src/kernels/default_choice.ts";
import { type ConvGeometry, samePadding } from "../../src/kernels/geometry.ts";
import { type Pass, passes, type Variant } from "../../src/kernels/variants.ts";
import { presets } from "../../src/train/config.ts";
import { paperAdapter, planTraining } from "../../src/train/plan.ts";

export interface IsaProgram extends ProgramSource {
  /** `forward shared 128x128`; for other programs, the name of the kernel, with its constants if there are several. */
  readonly name: string;
  /** Whether a step of the `article` preset runs it. */
  readonly inStep: boolean;
  /** Of a convolution's pass: which, and how. */
  readonly tile: Tile | null;
}

export interface Tile {
  readonly pass: Pass;
  readonly variant: Variant;
}

/** The layer for which tiles are built and modelled: d.conv3 of `article`, x [64,32,32,128], 5×5 at stride 2, to 256. */
const [size, kernel, stride] = [32, 5, 2];
const { out, before } = samePadding(size, kernel, stride);
export const layer: ConvGeometry = {
  ...{ N: 64, H: size, W: size, C: 128, R: kernel, S: kernel, K: 256, stride },
  ...{ P: out, Q: out, padTop: before, padLeft: before },
};

/** Limits at which nothing is cut, on a GPU. */
const endless = Number.MAX_SAFE_INTEGER;
const limits = { bufferBytes: endless, bindingBytes: endless, software: false };

/** Tiles pass by pass, smallest first, then the other programs of a step, by name. */
export async function isaPrograms(): Promise<IsaProgram[]> {
  const { programs: inStep } = await planTraining(presets.article, limits);
  const stepKeys = new Set(inStep.map(keyOf));
  const found = new Map<string, IsaProgram>();
  for (const pass of passes) {
    for (const variant of variantsFor(await paperGpu(), pass, layer)) {
      const source = await tileProgram(pass, variant);
      const key = keyOf(source);
      found.set(key, {
        ...source,
        name: `${pass} ${variant.name}`,
        inStep: stepKeys.has(key),
        tile: { pass, variant },
      });
    }
  }
  const others = inStep.filter((source) => !found.has(keyOf(source)));
  const namesakes = (name: string) => others.filter(({ files }) => files[0] === name).length;
  const named = others.map((source) => {
    const { files, constants = {} } = source;
    const values = Object.entries(constants).map(([name, value]) => `${name}=${value}`);
    const name = namesakes(files[0]) > 1 ? [files[0], ...values].join(" ") : files[0];
    return { ...source, name, inStep: true, tile: null };
  });
  return [...found.values(), ...named.sort((a, b) => a.name.localeCompare(b.name))];
}

const paperGpu = () => Gpu.open(paperAdapter(limits));
const keyOf = ({ files, constants }: ProgramSource) => files.join("+") + JSON.stringify(constants ?? {});

/** The program that the host function of a pass builds for a variant, found by calling it on a simulated device. */
async function tileProgram(pass: Pass, variant: Variant): Promise<ProgramSource> {
  const gpu = await paperGpu();
  const stream = new Stream(gpu);
  stream.choices.chosen = new Map([[choiceKey(pass, layer), variant.name]]);
  const { N, H, W, C, R, S, K, P, Q, stride } = layer;
  const x = stream.persistent("x", [N, H, W, C]);
  const weight = stream.persistent("weight", [R, S, C, K]);
  const y = stream.persistent("y", [N, P, Q, K]);
  const append = {
    forward: () => conv2d(stream, x, weight, null, y, stride),
    "input gradient": () => conv2dInputGradient(stream, y, weight, null, x, stride),
    "filter gradient": () => conv2dFilterGradient(stream, x, y, weight, stride),
  };
  append[pass]();
  const used = stream.choices.used.get(choiceKey(pass, layer));
  if (used?.split(" in ")[0] !== variant.name) throw new Error(`${pass}: chose ${used} instead of ${variant.name}`);
  const source = programsOf(gpu).find(({ files }) => variant.shaders.every((name) => files.includes(name)));
  if (!source) throw new Error(`${pass} ${variant.name}: its host function built no program with ${variant.shaders}`);
  return source;
}

/**
 * Spectral normalisation of a network's weights (Miyato et al. 2018): each is used divided by the largest singular value
 * of its matrix, which a power iteration follows as the weight moves, one turn a step.
 */
import type { Tensor } from "../gpu/tensor.ts";
import { powerIteration, spectralNorm } from "./ops.ts";
import type { Arena, NamedTensors, ParameterSpec } from "./parameters.ts";
import type { Tape } from "./tape.ts";

/** A singular vector of each weight: `<weight>.u` [K], any direction at first. State of a run. */
export function singularVectorSpecs(specs: readonly ParameterSpec[]): ParameterSpec[] {
  return specs.filter(isWeight).map(({ name, shape }) => ({
    name: `${name}.u`,
    shape: [shape[shape.length - 1]],
    start: { kind: "truncated normal", stddev: 1 },
  }));
}

function isWeight({ name }: ParameterSpec): boolean {
  return name.endsWith(".weight");
}

/** One turn of every weight's power iteration: moves the vectors u. @returns weight → its vector v [rows] */
export function powerIterations(
  tape: Tape,
  specs: readonly ParameterSpec[],
  values: NamedTensors,
  u: Arena,
): Map<string, Tensor> {
  return new Map(
    specs.filter(isWeight).map(({ name }) => [name, powerIteration(tape, values.get(name), u.get(`${name}.u`))]),
  );
}

/** The parameters, each weight divided by its spectral norm, through which gradients go back to it. */
export function spectrallyNormalised(
  tape: Tape,
  values: NamedTensors,
  u: Arena,
  v: ReadonlyMap<string, Tensor>,
): NamedTensors {
  const weights = new Map(
    [...v].map(([name, vector]) => [name, spectralNorm(tape, values.get(name), u.get(`${name}.u`), vector)]),
  );
  return { get: (name) => weights.get(name) ?? values.get(name) };
}

/** Counter-based noise: a seed, purpose and step always give the same numbers. */
import { program } from "../gpu/program.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { NoiseKey } from "../random/noise_key.ts";
import type { StepKey } from "../random/philox.ts";

/** y uniform in [low, high); the counter is `at` + word 0 of `step`. @param y any shape */
export function noiseUniform(
  stream: Stream,
  step: Tensor,
  y: Tensor,
  { seed, purpose, at }: NoiseKey & { at: number },
  low: number,
  high: number,
) {
  const quads = Math.ceil(y.size / 4);
  stream.append({
    program: program(stream.gpu, ["noise_uniform", "philox"]),
    sizes: { quads, seed, purpose, at, low, high },
    bindings: { step, y },
    workgroups: Math.ceil(quads / 64),
    cost: 60 * y.size,
  });
}

/** y normal with this stddev, truncated at two stddevs. @param y any shape */
export function noiseTruncatedNormal(stream: Stream, y: Tensor, { seed, purpose, step }: StepKey, stddev: number) {
  stream.append({
    program: program(stream.gpu, ["noise_normal", "philox"]),
    sizes: { size: y.size, seed, purpose, step, stddev },
    bindings: { y },
    workgroups: Math.ceil(y.size / 64),
    cost: 300 * y.size,
  });
}

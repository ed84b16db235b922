/**
 * Choices of variants as strings, which are measured, cached, and saved with a run. A choice changes the order of a sum and
 * with it the last bits of the result, so a run keeps the choices that it started with.
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Stream } from "../gpu/stream.ts";
import { type Choice, defaultChoice, variantsFor } from "./default_choice.ts";
import type { ConvGeometry } from "./geometry.ts";
import type { Pass } from "./variants.ts";

/** One pass of one shape. */
export interface Convolution {
  readonly pass: Pass;
  readonly geometry: ConvGeometry;
}

/** One pass of one shape, for any batch size, as a string: `forward 32x32x64 5x5/2 to 128`. */
export function choiceKey(pass: Pass, { H, W, C, R, S, K, stride }: ConvGeometry): string {
  return `${pass} ${H}x${W}x${C} ${R}x${S}/${stride} to ${K}`;
}

/** A choice as a string: `16x8`, or `8x8 in 12` for a filter gradient in 12 splits. */
export function choiceText(pass: Pass, { variant, splits }: Choice): string {
  return pass === "filter gradient" ? `${variant.name} in ${splits}` : variant.name;
}

/** The choice that a string describes; null if no such variant exists or it cannot compute the shape on this GPU. */
function parseChoice(gpu: Gpu, pass: Pass, g: ConvGeometry, text: string): Choice | null {
  // The string may come from an untrusted file: with the `s` flag, line breaks match too.
  const [, name, splits] = /^(.*?)(?: in (\d+))?$/s.exec(text)!;
  const variant = variantsFor(gpu, pass, g).find((variant) => variant.name === name);
  return variant ? { variant, splits: Math.max(1, Number(splits ?? 1)) } : null;
}

/** The choice that the stream uses for one pass of one shape: the chosen one, else the default. Records the use. */
export function choiceFor({ gpu, choices }: Stream, pass: Pass, g: ConvGeometry): Choice {
  const key = choiceKey(pass, g);
  const text = choices.chosen.get(key);
  const choice = (text === undefined ? null : parseChoice(gpu, pass, g, text)) ?? defaultChoice(gpu, pass, g);
  choices.use(key, choiceText(pass, choice), { pass, geometry: g } satisfies Convolution);
  return choice;
}

/** Every pass of every shape that the stream has appended so far. */
export function convolutionsUsed({ choices }: Stream): Convolution[] {
  // Convolutions are the only problems with a choice.
  return choices.problems as Convolution[];
}

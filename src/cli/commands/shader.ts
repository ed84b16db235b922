/** The arguments of `catgan shader`. */
import { optional, required, type Spec, type ValuesOf } from "../options.ts";

export const shaderSpec = {
  summary: "Print a kernel's complete program: its files joined and all repetitions expanded.",
  positionals: {
    name: required("NAME", "Name of a file under shaders/, without .wgsl"),
    variant: optional("VARIANT", "Tile size of a convolution pass: 8x8, or in quotes 'shared 64x64'"),
  },
  options: {},
  examples: [
    ["catgan shader conv2d 16x8", "forward pass, 16 rows × 8 columns per thread"],
    ["catgan shader adam", ""],
  ],
} satisfies Spec;

export type ShaderCommand = { command: "shader" } & ValuesOf<typeof shaderSpec>;

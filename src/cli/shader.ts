/** `catgan shader`: prints a kernel's whole program, as the GPU's compiler receives it. */
import { join, type ProgramSource, shaderNames, shaderPath } from "../gpu/program.ts";
import { type Pass, variants } from "../kernels/variants.ts";
import { listed } from "../train/value_types.ts";
import type { ShaderCommand } from "./commands/shader.ts";
import { nearest } from "./nearest.ts";
import { UserError } from "./user_error.ts";

/** Files that compute a pass of a convolution, each with the readers it can be joined with. */
const readers: Readonly<Record<string, { pass: Pass; storage: readonly string[] }>> = {
  conv2d: { pass: "forward", storage: ["storage_vec4"] },
  conv2d_lines: { pass: "forward", storage: ["storage_f32_vec4"] },
  conv2d_input_gradient: { pass: "input gradient", storage: ["storage_vec4"] },
  conv2d_filter_gradient: { pass: "filter gradient", storage: ["storage_vec4"] },
  conv2d_filter_gradient_lines: { pass: "filter gradient", storage: ["storage_f32_vec4", "line_rows_f32"] },
};

/** Other programs of more than one file. */
const parts: Readonly<Record<string, readonly string[]>> = {
  sigmoid_cross_entropy: ["log1p"],
  sigmoid_cross_entropy_both: ["log1p"],
  relativistic_loss: ["log1p"],
  noise_uniform: ["philox"],
  noise_normal: ["philox"],
  minibatch_stddev: ["minibatch_group"],
  minibatch_stddev_gradient: ["minibatch_group"],
  minibatch_stddev_curvature: ["minibatch_group"],
  augment_parameters: ["augmentation", "philox"],
  augment_sums: ["augmentation"],
  augment: ["augmentation"],
  batch_norm_merge: ["batch_norm_chan"],
  batch_norm_leaky_relu: ["batch_norm_chan"],
};

export function shaderCommand({ name, variant }: ShaderCommand): number {
  const { files, constants = {} } = shaderSource(name, variant);
  const values = Object.entries(constants).map(([constant, value]) => `${constant} = ${value}`);
  process.stdout.write(`// ${files.map(shaderPath).join(" + ")}\n`);
  if (values.length > 0) process.stdout.write(`// ${values.join(", ")}\n`);
  process.stdout.write(`\n${join({ files, constants }).code}`);
  return 0;
}

/** @throws UserError that lists the existing ones, when there is no such shader or variant */
export function shaderSource(name: string, variant: string | null): ProgramSource {
  if (!shaderNames.includes(name)) {
    const near = nearest(name, shaderNames);
    throw new UserError(
      `catgan shader ${name}: there is no ${name}.wgsl in shaders/${near ? `; did you mean ${near}?` : ""}`,
    );
  }
  const reader = readers[name];
  if (!reader) {
    if (variant !== null) throw new UserError(`catgan shader ${name} ${variant}: ${name} has no variants`);
    return { files: [name, ...(parts[name] ?? [])] };
  }
  // Filters that are read line by line have no tiles in shared memory.
  const there = variants[reader.pass].filter(({ sharedBytes }) => sharedBytes === 0 || !name.endsWith("_lines"));
  const found = variant === null ? there[0] : there.find((one) => one.name === variant);
  if (!found) {
    const names = there.map((one) => (one.name.includes(" ") ? `"${one.name}"` : one.name));
    throw new UserError(`catgan shader ${name} ${variant}: no such variant, expected ${listed(names)}`);
  }
  return { files: [name, ...reader.storage, ...found.shaders], constants: found.constants };
}

/** Every command, and command lines as commands. */
import { listed } from "../train/value_types.ts";
import { type BenchCommand, benchSpec } from "./commands/bench.ts";
import { type EvaluateCommand, evaluateSpec } from "./commands/evaluate.ts";
import { type ExportCommand, exportSpec } from "./commands/export.ts";
import { type PrepareCommand, prepareSpec } from "./commands/prepare.ts";
import { type SampleCommand, sampleSpec, toSampleCommand } from "./commands/sample.ts";
import { type ShaderCommand, shaderSpec } from "./commands/shader.ts";
import { type TimelapseCommand, timelapseSpec } from "./commands/timelapse.ts";
import { type NewRun, type ResumedRun, toTrainCommand, trainSpec } from "./commands/train.ts";
import { type VerifyCommand, verifySpec } from "./commands/verify.ts";
import { nearest } from "./nearest.ts";
import { type Line, readLine, type Spec } from "./options.ts";
import { UserError } from "./user_error.ts";

export const specs = {
  train: trainSpec,
  sample: sampleSpec,
  timelapse: timelapseSpec,
  export: exportSpec,
  evaluate: evaluateSpec,
  prepare: prepareSpec,
  verify: verifySpec,
  bench: benchSpec,
  shader: shaderSpec,
};

export type CommandName = keyof typeof specs;

export type Command =
  | NewRun
  | ResumedRun
  | SampleCommand
  | TimelapseCommand
  | ExportCommand
  | EvaluateCommand
  | PrepareCommand
  | VerifyCommand
  | BenchCommand
  | ShaderCommand
  | { command: "help"; topic: CommandName | null }
  | { command: "version" };

/**
 * @param argv what follows the program's name
 * @throws a one-line UserError, as `readLine`
 */
export function parseCommand(argv: string[]): Command {
  const [name, ...args] = argv;
  if (name === undefined || name === "--help" || name === "-h") return { command: "help", topic: null };
  if (name === "--version") return { command: "version" };
  if (!Object.hasOwn(specs, name)) {
    const names = Object.keys(specs);
    const near = nearest(name, names);
    throw new UserError(`${name}: unknown command, expected ${listed(names)}${near ? `; did you mean ${near}?` : ""}`);
  }
  const command = name as CommandName;
  const line = readLine<Spec>(command, specs[command], args);
  if (line === null) return { command: "help", topic: command };
  if (command === "train") return toTrainCommand(line as Line<typeof trainSpec>);
  if (command === "sample") return toSampleCommand(line as Line<typeof sampleSpec>);
  // The values of a line have the types of its own spec.
  return { command, ...line.values } as Command;
}

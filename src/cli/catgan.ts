/**
 * Command lines. Exit codes: 0 success; 1 the GPU or this program failed, or `verify` or `bench` found a
 * wrong result; 2 a mistake that the user can fix; 128 + the signal's number if it was stopped (130 after Ctrl-C).
 */
import { inspect } from "node:util";
import { version } from "../../package.json";
import { GpuError } from "../gpu/gpu.ts";
import { DivergedError } from "../train/diverged.ts";
import { enterSoftware } from "./adapter.ts";
import { benchCommand } from "./bench.ts";
import { parseCommand } from "./commands.ts";
import { dryRunCommand } from "./dry_run.ts";
import { evaluateCommand } from "./evaluate.ts";
import { exportCommand } from "./export.ts";
import { helpText } from "./help.ts";
import { prepareCommand } from "./prepare.ts";
import { sampleCommand } from "./sample.ts";
import { shaderCommand } from "./shader.ts";
import { escapeControls, escapeLines } from "./terminal_text.ts";
import { timelapseCommand } from "./timelapse.ts";
import { trainCommand } from "./train.ts";
import { UserError } from "./user_error.ts";
import { verifyCommand } from "./verify.ts";

/** Runs a command line, and prints what went wrong. @returns the exit code */
export async function catgan(argv: string[]): Promise<number> {
  return await runCommand(argv).catch(explain);
}

async function runCommand(argv: string[]): Promise<number> {
  const command = parseCommand(argv);
  if (command.command === "help") {
    process.stdout.write(helpText(command.topic));
    return 0;
  }
  if (command.command === "version") {
    process.stdout.write(`catgan ${version}\n`);
    return 0;
  }
  if (command.command === "train" && command.resume === null && command.dryRun) return await dryRunCommand(command);
  if (command.command === "prepare") return await prepareCommand(command);

  if (command.command === "shader") return shaderCommand(command);
  if (command.command === "timelapse") return await timelapseCommand(command);

  const elsewhere = await enterSoftware(command.adapter);
  if (elsewhere !== null) return elsewhere;
  switch (command.command) {
    case "train":
      return await trainCommand(command);
    case "sample":
      return await sampleCommand(command);
    case "export":
      return await exportCommand(command);
    case "evaluate":
      return await evaluateCommand(command);
    case "verify":
      return await verifyCommand(command);
    case "bench":
      return await benchCommand(command);
  }
}

function explain(error: unknown): number {
  if (error instanceof UserError || error instanceof GpuError || error instanceof DivergedError) {
    console.error(escapeControls(`catgan: ${error.message}`));
    return error instanceof UserError ? 2 : 1;
  }
  console.error(escapeLines(inspect(error)));
  return 1;
}

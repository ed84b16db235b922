/** Runs the same command again, in a child process with another environment. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import { softwareFlag } from "./swiftshader.ts";

/**
 * Signals reach the child once, through this process only.
 * @param env variables that the child has in addition to this process's
 * @param noise lines of stderr that are left out, if any: native libraries write there, too
 * @returns its exit code
 */
export async function runAgain(env: Readonly<Record<string, string>>, noise?: RegExp): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    // A process group of its own: the terminal's Ctrl-C reaches only this process, which passes it on once.
    detached: true,
    env: { ...process.env, ...env },
    stdio: ["inherit", "inherit", noise ? "pipe" : "inherit", "ipc"],
  });
  if (noise) {
    createInterface({ input: child.stderr! }).on("line", (line) => {
      if (!noise.test(line)) process.stderr.write(`${line}\n`);
    });
  }
  const signals: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  // Ctrl-Z and fg, likewise.
  process.on("SIGTSTP", () => {
    child.kill("SIGSTOP");
    process.kill(process.pid, "SIGSTOP");
  });
  process.on("SIGCONT", () => child.kill("SIGCONT"));
  return await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

/**
 * In a child of `runAgain`: ends immediately when the parent is gone; listening for this does not keep the process
 * alive. The parent ends first only if it is killed, and that was meant to end the whole command, as it would without a
 * child. A run can be resumed from its newest checkpoint.
 */
export function followParent(): void {
  if (!process.env[softwareFlag] || !process.channel) return;
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  process.channel.unref();
}

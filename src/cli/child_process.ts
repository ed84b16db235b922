/** The same command once more, in a child process with another environment. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { unpackedFlag } from "./swiftshader.ts";

/** @param env variables that the child has besides this process's. Signals reach it once, through this process only. @returns its exit code */
export async function runAgain(env: Record<string, string>): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    // An own process group: the terminal's Ctrl-C reaches this process only, which passes it on, once.
    detached: true,
    env: { ...process.env, ...env },
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
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
    child.on("exit", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

/**
 * In a child of `runAgain`: ends at once when the parent is gone, and does not keep the process alive by listening. Only
 * a parent that is killed goes first. Whoever did that wanted the whole command to end, as it would without a child; a run
 * goes on from its newest checkpoint.
 */
export function followParent(): void {
  if (!process.env[unpackedFlag] || !process.channel) return;
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  process.channel.unref();
}

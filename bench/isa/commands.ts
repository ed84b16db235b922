/** External programs: whether they are here, and what they print. */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Whether PATH has a program of this name. */
export function hasCommand(name: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs a program to its end. @returns what it printed @throws Error with the last lines of what it complained about */
export function runCommand(name: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(name, args, {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
  });
  if (error) throw new Error(`${name}: ${error.message}`);
  if (status !== 0) {
    const said = (stderr || stdout).trim().split("\n").slice(-3).join("; ");
    throw new Error(`${name} failed with exit code ${status}: ${said}`);
  }
  return stdout;
}

/**
 * Runs command lines: `run` in this process, which takes a fraction of the time; `start` as dist/catgan.mjs, which `npm
 * test` builds first, where it is the process that is tested.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, vi } from "vitest";
import { encodePng } from "../../src/cli/png.ts";
import { softwareFlag, swiftShaderEnvironment } from "../../src/cli/swiftshader.ts";
import { pictureGrid } from "../../src/data/grid.ts";
import { paintCats } from "../../src/data/painted.ts";

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  /** The lines of stdout so far, and those to come. */
  onLine(listener: (line: string) => void): void;
  done: Promise<Result>;
}

/** As a user would: without the variables of the test adapter. @param env replaces variables */
export function start(args: readonly string[], env: Record<string, string> = {}, program = "dist/catgan.mjs"): Running {
  const clean = { ...process.env };
  for (const name of Object.keys(swiftShaderEnvironment() ?? {})) delete clean[name];
  // As from a user's shell, not from npm test.
  delete clean.npm_lifecycle_event;
  const child = spawn(process.execPath, [program, ...args], { env: { ...clean, ...env } });
  const listeners: ((line: string) => void)[] = [];
  let stdout = "";
  let stderr = "";
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) for (const listener of listeners) listener(line);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const done = new Promise<Result>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
  return { child, onLine: (listener) => listeners.push(listener), done };
}

/** A test file that mocks `adapter.ts` by shared_device.ts has one device for all its commands. */
export async function run(...args: string[]): Promise<Result> {
  // Where tests run on another adapter, `--adapter software` needs a process of its own.
  if (!process.env[softwareFlag]) return await start(args).done;
  const { catgan } = await import("../../src/cli/catgan.ts");
  const said = { stdout: "", stderr: "" };
  const writes = (stream: keyof typeof said) => (text: unknown) => {
    said[stream] += text;
    return true;
  };
  const prints = (stream: keyof typeof said) => (text: unknown) => void (said[stream] += `${text}\n`);
  const spies = [
    vi.spyOn(process.stdout, "write").mockImplementation(writes("stdout")),
    vi.spyOn(process.stderr, "write").mockImplementation(writes("stderr")),
    vi.spyOn(console, "log").mockImplementation(prints("stdout")),
    vi.spyOn(console, "error").mockImplementation(prints("stderr")),
  ];
  const { npm_lifecycle_event } = process.env;
  delete process.env.npm_lifecycle_event;
  try {
    return { code: await catgan(args), ...said };
  } finally {
    for (const spy of spies) spy.mockRestore();
    if (npm_lifecycle_event !== undefined) process.env.npm_lifecycle_event = npm_lifecycle_event;
  }
}

/** The events that --json printed: every line is one. */
// biome-ignore lint/suspicious/noExplicitAny: what they hold is what is tested
export function eventsOf({ stdout }: Result): Record<string, any>[] {
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** A folder for the files of a test, removed after them. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "catgan-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Makes a folder of small PNG pictures. */
export function writePictures(folder: string, count: number, seed = 1, size = 16): void {
  mkdirSync(folder);
  const { pixels } = paintCats(size, count, seed);
  for (let n = 0; n < count; n++) {
    const one = { size, count: 1, pixels: pixels.subarray(n * size * size * 3, (n + 1) * size * size * 3) };
    writeFileSync(join(folder, `cat${n}.png`), encodePng(pictureGrid(one, 1)));
  }
}

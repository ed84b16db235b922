/** While a large folder is walked, the commands say how far they are, and can be stopped. */
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { loadDataSet } from "../../src/cli/data_set.ts";
import { prepareCommand } from "../../src/cli/prepare.ts";
import { Reporter } from "../../src/cli/progress.ts";
import { lostCandidate } from "../../src/data/photographs.ts";
import { temporaryFolder } from "./program.ts";

/** What happens while the folder is walked. */
const walk = vi.hoisted(() => ({ during: async (_onFound: (files: number) => void) => {} }));
vi.mock("../../src/cli/folder.ts", () => ({
  async openFolder(_: string, onFound: (files: number) => void) {
    await walk.during(onFound);
    return [lostCandidate("1.png", "it is gone")];
  },
}));

const root = temporaryFolder();
const source = join(root, "photos");
mkdirSync(source);
const out = join(root, "out");
const options = { command: "prepare", source, out, size: 16, fit: "crop", dropDuplicates: false, seed: 1 } as const;

afterEach(() => vi.restoreAllMocks());

test("prepare says how many files it has found, and stops at Ctrl-C", async () => {
  const events: unknown[] = [];
  let wentOn = false;
  vi.spyOn(process.stdout, "write").mockImplementation((line) => {
    events.push(JSON.parse(String(line)));
    return true;
  });
  walk.during = async (onFound) => {
    onFound(1);
    await new Promise((resolve) => setTimeout(resolve, 600));
    onFound(12_345);
    process.emit("SIGINT", "SIGINT");
    onFound(12_346);
    wentOn = true;
  };
  expect(await prepareCommand({ ...options, json: true })).toBe(130);
  expect(events).toEqual([
    { event: "looking", done: 12_345, total: null },
    { event: "end", out: null, stopped: true },
  ]);
  expect([wentOn, existsSync(out)]).toEqual([false, false]);
  expect(readdirSync(root)).toEqual(["photos"]);
});

test("prepare of unreadable files only names the first and leaves nothing", async () => {
  walk.during = async () => {};
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
  await expect(prepareCommand({ ...options, json: false })).rejects.toThrow(/first of 1 skipped: 1.png: it is gone/);
  expect(readdirSync(root)).toEqual(["photos"]);
});

test("every command that trains on a folder says how many files it has found", async () => {
  walk.during = async (onFound) => onFound(12_345);
  vi.stubEnv("TERM", "xterm");
  let text = "";
  const reporter = new Reporter({ isTTY: true, columns: 80, write: (more: string) => (text += more) }, false);
  const load = loadDataSet({ data: source, fit: "crop" }, { size: 16, seed: 1 }, reporter);
  await expect(load).rejects.toThrow("it is gone");
  expect(text).toContain("\r\x1b[2K  looking for pictures: 12,345 files so far");
  reporter.looking(1, 4);
  expect(text.split("\r").at(-1)).toMatch(/━{5}─{15} 25 % {2}looking for pictures$/);
  vi.unstubAllEnvs();
});

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { saveCheckpoint } from "../../src/cli/checkpoint_files.ts";
import { temporaryPath } from "../../src/cli/files.ts";
import { RunFolder, readStart } from "../../src/cli/run_folder.ts";
import { configPath, defaultRunDir, lossesPath, metricsPath, samplePath } from "../../src/cli/run_paths.ts";
import { UserError } from "../../src/cli/user_error.ts";
import { presets } from "../../src/train/config.ts";

let parent: string;
let dir: string;
const open: RunFolder[] = [];
const contents = { reals: Uint8Array.of(1, 2), augmented: null, checkpoint: null, config: "{}\n" };
const everything = ["checkpoints", "config.json", "losses.csv", "reals.png", "run.lock", "samples"];
const lossHeader = "step,epoch,d_loss,g_loss,d_real,d_fake,penalty,ms\n";

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "catgan-run-"));
  dir = join(parent, "run");
});

afterEach(async () => {
  for (const folder of open.splice(0)) await folder.close();
  rmSync(parent, { recursive: true, force: true });
});

async function create(at = dir): Promise<RunFolder> {
  const folder = await RunFolder.create(at);
  open.push(folder);
  return folder;
}

async function begin(at = dir): Promise<RunFolder> {
  const folder = await create(at);
  await folder.begin(contents);
  return folder;
}

test("paths and names", () => {
  expect(defaultRunDir("tiny", new Date(2031, 0, 2, 3, 4, 5))).toBe(join("runs", "20310102-030405-tiny"));
  expect(samplePath("r", 50)).toBe(join("r", "samples", "step-000050.png"));
  expect(configPath("r")).toBe(join("r", "config.json"));
});

test("a new folder has its subfolders and is locked until it is closed", async () => {
  const folder = await begin();
  expect(readdirSync(dir).sort()).toEqual(everything);
  expect(readFileSync(lossesPath(dir), "utf8")).toBe(lossHeader);
  expect(readFileSync(configPath(dir), "utf8")).toBe("{}\n");
  await expect(RunFolder.open(dir)).rejects.toThrow(/is being trained by process/);
  await folder.close();
  expect(readdirSync(dir).sort()).toEqual(everything.filter((name) => name !== "run.lock"));
});

test("an empty folder will do, a full one or a file will not", async () => {
  mkdirSync(dir);
  await (await begin()).close();
  const full = RunFolder.create(dir);
  await expect(full).rejects.toThrow(/is not empty: give --out a new folder, or resume the run in it/);
  await expect(full).rejects.toThrow(UserError);
  const file = RunFolder.create(lossesPath(dir));
  await expect(file).rejects.toThrow(/^cannot make the run's folder .*losses\.csv: there is a file with that name$/);
  expect(readdirSync(dir).sort()).toEqual(everything.filter((name) => name !== "run.lock"));
});

test("of two runs that begin in one folder, one gets it", async () => {
  const results = await Promise.allSettled([create(), create(), create()]);
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const result of results) {
    if (result.status === "rejected") expect(result.reason).toBeInstanceOf(UserError);
  }
  expect(readdirSync(dir)).toEqual(["run.lock"]);
});

test("default folders are all different, however many begin in one second", async () => {
  const before = process.cwd();
  const now = new Date(2031, 0, 2, 3, 4, 5);
  process.chdir(parent);
  try {
    const folders = await Promise.all(Array.from({ length: 10 }, () => RunFolder.createDefault("tiny", now)));
    open.push(...folders);
    expect(new Set(folders.map((folder) => folder.dir)).size).toBe(10);
    expect(folders.map((folder) => folder.dir)).toContain(join("runs", "20310102-030405-tiny-2"));
    for (const folder of open.splice(0)) await folder.close();
    // The run that made runs/ could not remove it while other runs were still in it.
    expect(existsSync("runs") ? readdirSync("runs") : []).toEqual([]);
  } finally {
    process.chdir(before);
  }
});

test("what was made for a run that did not begin is removed, and nothing else", async () => {
  const folder = await create(join(parent, "new", "run"));
  writeFileSync(join(parent, "new", "somebody's"), "");
  await folder.close();
  expect(readdirSync(join(parent, "new"))).toEqual(["somebody's"]);

  // A run cannot begin, since something is in the way.
  mkdirSync(dir);
  const second = await create();
  mkdirSync(join(dir, "reals.png"));
  await expect(second.begin(contents)).rejects.toThrow(/^cannot write .*run: it is a folder$/);
  await second.close();
  expect(readdirSync(dir)).toEqual(["reals.png"]);
});

test("a process that was killed right after it had made the folder does not block the next one", async () => {
  mkdirSync(dir);
  writeFileSync(
    join(dir, "run.lock"),
    JSON.stringify({ token: "x", pid: 2 ** 30, host: "gone", since: "2031-01-01T00:00" }),
  );
  await expect(create()).rejects.toThrow("is being trained by process 1073741824 on gone");
  utimesSync(join(dir, "run.lock"), 0, 0);
  writeFileSync(temporaryPath(configPath(dir)), "half");
  await begin();
  expect(readdirSync(dir).sort()).toEqual(everything);
});

test("resuming cuts tables, sets later checkpoints aside and cleans up after a crash", async () => {
  const folder = await begin();
  for (const step of [100, 200]) await saveCheckpoint(dir, step, Uint8Array.of(1));
  writeFileSync(lossesPath(dir), `${lossHeader}100,1,1,1,1,1,0,5\n101,1,1,1,1,1,0,5\n`);
  writeFileSync(metricsPath(dir), "step,swd,floor,swd_32,swd_16\n100,1,2,3,4\n200,1,2,3,4\n");
  for (const step of [100, 150]) writeFileSync(samplePath(dir, step), "");
  writeFileSync(temporaryPath(samplePath(dir, 150)), "half");
  writeFileSync(join(dir, "my.123.tmp"), "");
  expect(await folder.rewind(100, "damaged", presets.tiny)).toEqual([]);
  expect(readFileSync(lossesPath(dir), "utf8")).toBe(`${lossHeader}100,1,1,1,1,1,0,5\n`);
  expect(readFileSync(metricsPath(dir), "utf8")).toBe(
    "step,swd,floor,swd_32,swd_16,ms_ssim,ms_ssim_floor\n100,1,2,3,4,,\n",
  );
  expect(readdirSync(join(dir, "checkpoints"))).toEqual(["step-000100.safetensors", "step-000200.safetensors.damaged"]);
  expect(readdirSync(join(dir, "samples"))).toEqual(["step-000100.png", "step-000150.png"]);
  expect(existsSync(join(dir, "my.123.tmp"))).toBe(true);

  // A run that goes back because it diverged: its later grids are of other numbers.
  await folder.rewind(100, "diverged", presets.tiny);
  expect(readdirSync(join(dir, "samples"))).toEqual(["step-000100.png"]);
});

test("nothing is removed through a link that the user made", async () => {
  const folder = await begin();
  const elsewhere = join(parent, "pictures");
  mkdirSync(elsewhere);
  const half = temporaryPath(join(elsewhere, "a.png"));
  writeFileSync(half, "");
  rmSync(join(dir, "samples"), { recursive: true });
  symlinkSync(elsewhere, join(dir, "samples"));
  await folder.rewind(0, "damaged", presets.tiny);
  expect(existsSync(half)).toBe(true);
});

test("what a run was started with can be read again", async () => {
  await begin();
  await expect(readStart(dir)).rejects.toThrow(/config\.json: cannot be used: /);
  const start = { pictures: { data: "painted", fit: "crop", count: 2048 }, config: presets.tiny };
  writeFileSync(configPath(dir), JSON.stringify(start));
  expect(await readStart(dir)).toEqual({ config: presets.tiny, source: { data: "painted", fit: "crop" } });
  rmSync(configPath(dir));
  expect(await readStart(dir)).toBeNull();
});

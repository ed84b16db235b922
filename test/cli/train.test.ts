import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { PNG } from "pngjs";
import { expect, test } from "vitest";
import { warningOfMachine } from "../../src/cli/announce.ts";
import { checkFits } from "../../src/cli/fits.ts";
import { presets } from "../../src/train/config.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/train/safetensors.ts";
import { eventsOf, run, start, temporaryFolder, writePictures } from "./program.ts";

const folder = temporaryFolder();
const photos = join(folder, "photos");
writePictures(photos, 13);
writeFileSync(join(photos, "torn.jpg"), Buffer.from("ffd8ffe000104a464946", "hex"));
const runDir = join(folder, "run");
/** The smallest network; 13 pictures are 3 batches an epoch. */
const small = "--preset tiny --size 16 --base 4 --base-d 4 --batch 4 --z 8 --sample-every 4 --save-every 1".split(" ");

const measured = ["--metrics-every", "3"];

/** losses.csv without the times. */
function losses(dir: string): string[] {
  const lines = readFileSync(join(dir, "losses.csv"), "utf8").trimEnd().split("\n");
  return lines.map((line) => line.slice(0, line.lastIndexOf(",")));
}

test("trains on a folder, resumes, draws: the numbers of an uninterrupted run, and every file", async () => {
  const first = await run("train", ...small, ...measured, "--data", photos, "--steps", "5", "--out", runDir, "--json");
  expect(first.stderr).toContain("skipped 1 file that cannot be used:\n  torn.jpg: ");
  expect(first.code).toBe(0);
  const events = eventsOf(first);
  expect(events[0]).toMatchObject({
    event: "start",
    software: expect.any(Boolean),
    adapter: expect.stringMatching(/\w/),
    config: { size: 16, base: 4, baseD: 4, batch: 4, steps: 5 },
    parameters: { g: 6643, d: 1241 },
    gpuBytes: expect.any(Number),
    pictures: { data: photos, count: 13, skipped: 1 },
    stepsPerEpoch: 3,
    totalSteps: 5,
    step: 0,
    run: runDir,
  });
  const steps = events.filter(({ event }) => event === "step");
  expect(steps.map(({ step, epoch }) => [step, epoch])).toEqual([
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 2],
    [5, 2],
  ]);
  for (const { dLoss, gLoss, dReal, dFake, penalty, ms } of steps) {
    for (const value of [dLoss, gLoss, dReal, dFake, ms]) expect(value).toBeGreaterThan(0);
    expect(penalty).toBeGreaterThanOrEqual(0);
  }
  const others = events.slice(1).filter(({ event }) => event !== "step");
  const metrics = {
    event: "metrics",
    swd: { levels: [{ size: 16 }] },
    floor: expect.any(Number),
    msSsim: { fake: expect.any(Number), real: expect.any(Number) },
  };
  expect(others).toMatchObject([
    { ...metrics, step: 3 },
    { event: "checkpoint", step: 3, path: join(runDir, "checkpoints", "step-000003.safetensors") },
    { event: "sample", step: 4, path: join(runDir, "samples", "step-000004.png") },
    { ...metrics, step: 5 },
    { event: "sample", step: 5, path: join(runDir, "samples", "step-000005.png") },
    { event: "checkpoint", step: 5, path: join(runDir, "checkpoints", "step-000005.safetensors") },
    { event: "end", run: runDir, step: 5, stopped: false },
  ]);

  const grid = PNG.sync.read(readFileSync(join(runDir, "samples", "step-000005.png")));
  expect([grid.width, grid.height]).toEqual([7 * 146, 7 * 146]); // enlarged to be looked at
  expect(new Set(grid.data).size).toBeGreaterThan(20);
  const reals = PNG.sync.read(readFileSync(join(runDir, "reals.png")));
  expect([reals.width, reals.height]).toEqual([7 * 146, 7 * 38]);
  expect(JSON.parse(readFileSync(join(runDir, "config.json"), "utf8"))).toMatchObject({
    config: { size: 16, steps: 5 },
    pictures: { data: photos, count: 13 },
  });

  const resumed = await run("train", "--resume", runDir, "--steps", "8", "--json");
  expect(resumed.code).toBe(0);
  expect(eventsOf(resumed)[0]).toMatchObject({ event: "start", step: 5, totalSteps: 8 });

  const [header, ...rows] = readFileSync(join(runDir, "metrics.csv"), "utf8").trimEnd().split("\n");
  expect(header).toBe("step,swd,floor,swd_16,ms_ssim,ms_ssim_floor");
  expect(rows.map((row) => row.split(",").map(Number))).toMatchObject([{ 0: 3 }, { 0: 5 }, { 0: 6 }, { 0: 8 }]);
  const [{ swd, msSsim }] = others;
  const [, average, , , ...alike] = rows[0].split(",");
  expect([average, ...alike]).toEqual([swd.average, msSsim.fake, msSsim.real].map((value) => value.toPrecision(6)));

  // Without metrics: they change no number of the run.
  const whole = join(folder, "whole");
  expect((await run("train", ...small, "--data", photos, "--steps", "8", "--out", whole)).code).toBe(0);
  expect(losses(runDir)).toHaveLength(9);
  expect(losses(runDir)).toEqual(losses(whole));
  const image = (dir: string) => readFileSync(join(dir, "samples", "step-000008.png"));
  expect(image(runDir).equals(image(whole))).toBe(true);

  const out = join(folder, "cats.png");
  const drawn = await run("sample", runDir, "--n", "5", "--seed", "3", "--out", out);
  expect(drawn).toMatchObject({ code: 0, stderr: "" });
  expect(drawn.stdout).toContain(out);
  const cats = PNG.sync.read(readFileSync(out));
  expect([cats.width, cats.height]).toEqual([7 * (3 * 18 + 2), 7 * (2 * 18 + 2)]);
});

// What follows works on the run above.

test("a run at its end says how to make it longer", async () => {
  const { code, stdout, stderr } = await run("train", "--resume", runDir);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toBe(
    `catgan: ${runDir} is at step 8 of 8 already: give --steps more, as in catgan train --resume ${runDir} --steps 16\n`,
  );
});

test("other pictures than the run's are refused", async () => {
  const others = join(folder, "others");
  writePictures(others, 13, 2);
  const before = losses(runDir);
  const { code, stderr } = await run("train", "--resume", runDir, "--data", others, "--steps", "9");
  expect(code).toBe(2);
  expect(stderr).toMatch(/^catgan: checkpoint: it was trained on other pictures: [^\n]+\n$/);
  expect(losses(runDir)).toEqual(before);
});

test("a checkpoint by itself, as downloaded from the page, continues in its own folder", async () => {
  // In the page pictures have a label, no path.
  const { tensors, metadata } = decodeSafetensors(readFileSync(join(runDir, "checkpoints", "step-000006.safetensors")));
  const pictures = JSON.parse(metadata.pictures);
  const labelled = JSON.stringify({ ...pictures, source: { data: "photos", fit: "crop" } });
  const file = join(folder, "Mine-step-6.safetensors");
  writeFileSync(file, encodeSafetensors(tensors, { ...metadata, pictures: labelled }));
  const out = join(folder, "moved");
  const moved = await run("train", "--resume", file, "--data", photos, "--steps", "8", "--out", out);
  expect(moved).toMatchObject({ code: 0 });
  const checkpoint = (dir: string, step: number) =>
    decodeSafetensors(readFileSync(join(dir, "checkpoints", `step-00000${step}.safetensors`)));
  expect(checkpoint(out, 6).tensors).toEqual(tensors);
  expect(checkpoint(out, 8).tensors).toEqual(checkpoint(runDir, 8).tensors);
  expect(losses(out).slice(1)).toEqual(losses(runDir).slice(-2));
  expect(existsSync(join(out, "reals.png"))).toBe(true);

  // The same files, but as another program decodes them.
  const decoded = JSON.stringify({ ...pictures, fingerprint: "00000000" });
  writeFileSync(file, encodeSafetensors(tensors, { ...metadata, pictures: decoded }));
  const elsewhere = await run("train", "--resume", file, "--steps", "7", "--out", join(folder, "decoded"));
  expect(elsewhere.code).toBe(0);
  expect(elsewhere.stderr).toContain("another program or version decoded them");
});

test("a checkpoint cut short falls back to the previous one, and says so when there is none", async () => {
  const newest = join(runDir, "checkpoints", "step-000008.safetensors");
  truncateSync(newest, 1000);
  const cut = await run("sample", newest, "--out", join(folder, "never.png"));
  expect(cut.code).toBe(2);
  expect(cut.stderr).toMatch(/^catgan: step-000008\.safetensors: safetensors: [^\n]+the file is damaged\n$/);
  expect(existsSync(join(folder, "never.png"))).toBe(false);
  const fallback = await run("sample", runDir, "--out", join(folder, "earlier.png"));
  expect(fallback.code).toBe(0);
  expect(fallback.stderr).toContain("catgan: warning: step-000008.safetensors: safetensors: ");
  expect(fallback.stdout).toContain("after 6 steps");
});

const never = join(folder, "never");
const bad: [what: string, line: string, message: RegExp][] = [
  ["an unknown option", "train --sise 32", /--sise: unknown option; did you mean --size\?/],
  ["an unknown command", "tarin", /did you mean train\?/],
  ["a size that is no power of two", "train --size 48", /--size 48: expected 16, 32, 64 or 128/],
  ["a folder without pictures", `train --data ${join(folder, "empty")} --out ${never}`, /no pictures among 0 files/],
  [
    "a folder that is not there",
    `train --data ${join(folder, "nowhere")} --out ${never}`,
    /nowhere: no such folder or zip/,
  ],
  [
    "a batch larger than the data set",
    `train --data ${photos} --size 16 --batch 14 --out ${never}`,
    /--batch 14 is larger than the data set of 13 pictures: use at most --batch 13/,
  ],
  [
    "metrics of too few pictures",
    `train --data ${join(folder, "few")} --size 16 --base 4 --base-d 4 --batch 2 --metrics-every 1 --out ${never}`,
    /metrics: 3 pictures, expected at least 4/,
  ],
  ["another configuration", `train --resume ${runDir} --base 8`, /--base cannot be combined with --resume/],
  ["no such run", `train --resume ${join(folder, "nowhere")}`, /nowhere: no such file or folder/],
  [
    "a folder that goes on elsewhere",
    `train --resume ${runDir} --out ${never} --steps 9`,
    /--out \S+never: a run that resumes stays in its folder, \S+run$/m,
  ],
  [
    "a picture to go on from",
    `train --resume ${join(runDir, "reals.png")} --out ${never}`,
    /^catgan: reals\.png: safetensors: [^\n]+$/m,
  ],
  [
    "a checkpoint whose new folder is in use",
    `train --resume ${join(runDir, "checkpoints", "step-000006.safetensors")} --steps 9 --out ${photos}`,
    /photos is not empty/,
  ],
  ["a folder that is in use", `train --out ${photos}`, /photos is not empty/],
  ["no such adapter", `train --adapter Voodoo --out ${never}`, /--adapter Voodoo: no such adapter here; found: /],
  ["a resumed dry run", `train --resume ${runDir} --dry-run`, /--dry-run cannot be combined with --resume/],
];

test.each(bad)("%s: one line, exit code 2, nothing written", async (what, line, message) => {
  if (what === "a folder without pictures") writePictures(join(folder, "empty"), 0);
  if (what === "metrics of too few pictures") writePictures(join(folder, "few"), 3);
  const { code, stdout, stderr } = await run(...line.split(" "));
  expect(stderr).toMatch(/^catgan: [^\n]+\n$/);
  expect(stderr).toMatch(message);
  expect([code, stdout]).toEqual([2, ""]);
  expect(existsSync(never)).toBe(false);
});

test("no adapter at all: says what to install", async () => {
  const none = { CATGAN_SOFTWARE_VULKAN: "none", VK_ICD_FILENAMES: "/dev/null", VK_DRIVER_FILES: "/dev/null" };
  const { code, stderr } = await start(["train", "--steps", "1", "--out", never], none).done;
  expect(code).toBe(2);
  expect(stderr).toContain("catgan: no WebGPU adapter found: install a Vulkan driver");
  expect(existsSync(never)).toBe(false);
});

test("--adapter software without its package: says what to install", async () => {
  // The program elsewhere, where npm install left the optional package out.
  const place = join(folder, "elsewhere");
  mkdirSync(join(place, "node_modules"), { recursive: true });
  copyFileSync("dist/catgan.mjs", join(place, "catgan.mjs"));
  symlinkSync(resolve("node_modules/webgpu"), join(place, "node_modules", "webgpu"));
  const none = { VK_ICD_FILENAMES: "/dev/null", VK_DRIVER_FILES: "/dev/null" };
  const { code, stderr } = await start(["verify", "--adapter", "software"], none, join(place, "catgan.mjs")).done;
  expect(code).toBe(2);
  expect(stderr).toMatch(/catgan: --adapter software: there is none here: (run npm install @sparticuz|install Mesa)/);
});

test("a run that resumes elsewhere warns, once as text and once as an event", async () => {
  const dir = join(folder, "elsewhere-run");
  expect((await run("train", ...small, "--data", photos, "--steps", "1", "--out", dir)).code).toBe(0);
  const path = join(dir, "checkpoints", "step-000001.safetensors");
  const { tensors, metadata } = decodeSafetensors(readFileSync(path));
  const here = JSON.parse(metadata.machine);
  metadata.machine = JSON.stringify({ ...here, adapter: "Voodoo 2" });
  writeFileSync(path, encodeSafetensors(tensors, metadata));
  const resumed = await run("train", "--resume", dir, "--steps", "2", "--json");
  const warning = warningOfMachine({ ...here, adapter: "Voodoo 2" }, here);
  expect(warning).toMatch(/^the run was trained on Voodoo 2 until now, this is .+ last digits$/);
  expect(resumed.stderr).toContain(`catgan: warning: ${warning}\n`);
  expect(eventsOf(resumed)[1]).toEqual({ event: "warning", message: warning });
  const again = await run("train", "--resume", dir, "--steps", "3", "--json");
  expect(again.stderr).not.toContain("Voodoo");
  expect(eventsOf(again).some(({ event }) => event === "warning")).toBe(false);
});

test("a checkpoint of more painted cats than there are is refused before any is painted", async () => {
  const dir = join(folder, "crowded");
  mkdirSync(join(dir, "checkpoints"), { recursive: true });
  const good = decodeSafetensors(readFileSync(join(runDir, "checkpoints", "step-000006.safetensors")));
  const pictures = { ...JSON.parse(good.metadata.pictures), count: 4e9, source: { data: "painted", fit: "crop" } };
  const cursor = { epoch: 0, batch: 6 };
  const metadata = { ...good.metadata, pictures: JSON.stringify(pictures), cursor: JSON.stringify(cursor) };
  writeFileSync(join(dir, "checkpoints", "step-000006.safetensors"), encodeSafetensors(good.tensors, metadata));
  const { code, stderr } = await run("train", "--resume", dir, "--steps", "9");
  expect(stderr).toMatch(
    /^catgan: \S+crowded: its checkpoint was trained on 4000000000 pictures, but there are 2048 painted cats\n$/,
  );
  expect(code).toBe(2);
});

test("a run that does not fit the GPU: says which batch does", async () => {
  const limits = { bufferBytes: 2 ** 28, bindingBytes: 2 ** 27, software: false };
  await expect(checkFits(presets.article, limits)).resolves.toMatchObject({ parameters: { g: 24_034_819 } });
  const smaller = { ...limits, bufferBytes: 200 * 2 ** 20 };
  await expect(checkFits(presets.article, smaller)).rejects.toThrow(/this GPU allows 200 MiB: try --batch 32$/);
  const tiny = { ...limits, bufferBytes: 2 ** 20 };
  await expect(checkFits(presets.article, tiny)).rejects.toThrow(/this GPU allows 1\.0 MiB, with any --batch: try/);
});

test("Ctrl-C finishes the step, saves and says how to resume", async () => {
  const dir = join(folder, "interrupted");
  const { child, onLine, done } = start([
    "train",
    ...small,
    "--data",
    photos,
    "--steps",
    "100000",
    "--out",
    dir,
    "--json",
  ]);
  // Twice at once is one press: the terminal sends it to the group, npm passes it on.
  onLine((line) => {
    const { event, step } = JSON.parse(line);
    if (event !== "step" || step !== 4) return;
    child.kill("SIGINT");
    child.kill("SIGINT");
  });
  const result = await done;
  expect(result.code).toBe(130);
  const last = eventsOf(result).at(-1)!;
  expect(last).toMatchObject({ event: "end", stopped: true, run: dir });
  expect(readdirSync(join(dir, "checkpoints"))).toContain(`step-${String(last.step).padStart(6, "0")}.safetensors`);
  expect(losses(dir)).toHaveLength(last.step + 1);
});

test("a second Ctrl-C ends at once", async () => {
  const dir = join(folder, "hurried");
  // Steps that take long.
  const slow = "--preset steady --base-d 64 --batch 13 --steps 1000".split(" ");
  const large = join(folder, "large");
  writePictures(large, 13, 1, 64);
  const line = ["train", ...slow, "--data", large, "--out", dir];
  const { child, onLine, done } = start(line);
  onLine((text) => {
    if (text.includes("run folder")) child.kill("SIGINT");
    if (text.includes("Stopping")) setTimeout(() => child.kill("SIGINT"), 500);
  });
  const { code, stdout } = await done;
  expect(code).toBe(130);
  expect(stdout).toContain("Stopping: this step is finished and saved first. Ctrl-C again ends at once.");
  expect(stdout).not.toContain("Stopped");
});

test("a reader that goes away stops the run, which is saved", async () => {
  const dir = join(folder, "unread");
  const { child, onLine, done } = start([
    "train",
    ...small,
    "--data",
    photos,
    "--steps",
    "100000",
    "--out",
    dir,
    "--json",
  ]);
  onLine(() => child.stdout!.destroy());
  expect((await done).code).toBe(141);
  expect(readdirSync(join(dir, "checkpoints")).length).toBeGreaterThan(0);
});

test("a dry run of the article shows its cost, without an adapter", async () => {
  const { code, stdout, stderr } = await run("train", "--preset", "article", "--dry-run");
  expect([code, stderr]).toEqual([0, ""]);
  for (const fact of ["24,034,819", "17,484,161", "16×16×512", "3.48 TFLOP", "an epoch is 8 steps", "1,720 steps"]) {
    expect(stdout).toContain(fact);
  }
  for (const line of stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
  const events = eventsOf(await run("train", "--dry-run", "--preset", "article", "--json"));
  expect(events).toMatchObject([
    {
      event: "start",
      dryRun: true,
      adapter: null,
      parameters: { g: 24_034_819, d: 17_484_161 },
      config: presets.article,
    },
    { event: "end", run: null },
  ]);
});

test.each(["train", "sample", "timelapse", "export", "verify"])("%s --help", async (command) => {
  const { code, stdout, stderr } = await run(command, "--help");
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toContain(`Usage: catgan ${command}`);
});

test("--version is package.json's", async () => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8"));
  expect(await run("--version")).toEqual({ code: 0, stdout: `catgan ${version}\n`, stderr: "" });
});

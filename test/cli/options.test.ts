import { expect, test } from "vitest";
import { resolveConfig } from "../../src/cli/commands/train.ts";
import { type CommandName, parseCommand, specs } from "../../src/cli/commands.ts";
import { helpText } from "../../src/cli/help.ts";
import { kebab } from "../../src/cli/options.ts";
import { UserError } from "../../src/cli/user_error.ts";
import { type Config, presets } from "../../src/train/config.ts";

const commandNames = Object.keys(specs) as CommandName[];

/** Words of a command line. */
function parse(line: string) {
  return parseCommand(line.split(" ").filter(Boolean));
}

test("train without options: painted cats, preset and folder left open", () => {
  expect(parse("train")).toEqual({
    command: "train",
    resume: null,
    data: "painted",
    fit: "crop",
    preset: null,
    overrides: {},
    out: null,
    dryRun: false,
    variants: "auto",
    onTrouble: "rollback",
    adapter: "auto",
    json: false,
  });
});

test("train with every option", () => {
  const command = parse(
    "train --data photos/ --preset article --size 64 --base 4 --base-d 6 --batch 8 --z 10 --kernel 4 --slope 0.1 " +
      "--norm-d none --no-norm-d-first --spectral-norm-d --minibatch-stddev --smooth-filter --lr-d 1e-3 --lr-g .5 " +
      "--lr-decay-from 5 --lr-decay-steps 4 --lr-decay-to 0.2 " +
      "--beta1 0.25 --beta2=0.75 --loss bce --smoothing 0.2 --r1 2 --r2 0.5 --r1-every 4 --ema 0.5 --flips " +
      "--augment translation,cutout --seed 4294967295 --sample-every 7 --save-every 0 --metrics-every 3 --steps 9 --fit stretch " +
      "--out here --dry-run --on-trouble stop --adapter software --json",
  );
  const overrides: Omit<Config, "epochs"> = {
    size: 64,
    base: 4,
    baseD: 6,
    batch: 8,
    z: 10,
    kernel: 4,
    slope: 0.1,
    normD: "none",
    normDFirst: false,
    spectralNormD: true,
    minibatchStddev: true,
    smoothFilter: true,
    lrD: 1e-3,
    lrG: 0.5,
    lrDecayFrom: 5,
    lrDecaySteps: 4,
    lrDecayTo: 0.2,
    beta1: 0.25,
    beta2: 0.75,
    loss: "bce",
    smoothing: 0.2,
    r1: 2,
    r2: 0.5,
    r1Every: 4,
    ema: 0.5,
    flips: true,
    augment: "translation,cutout",
    steps: 9,
    seed: 4294967295,
    sampleEvery: 7,
    saveEvery: 0,
    metricsEvery: 3,
  };
  expect(command).toEqual({
    command: "train",
    resume: null,
    data: "photos/",
    fit: "stretch",
    preset: "article",
    overrides,
    out: "here",
    dryRun: true,
    variants: "auto",
    onTrouble: "stop",
    adapter: "software",
    json: true,
  });
  expect(resolveConfig("article", overrides)).toEqual({ ...overrides, epochs: null });
});

test("prepare: two paths, 64×64 and crops by default", () => {
  const plain = {
    source: "photos.zip",
    out: "cats",
    size: 64,
    fit: "crop",
    dropDuplicates: false,
    seed: 1,
    json: false,
  };
  expect(parse("prepare photos.zip cats")).toEqual({ command: "prepare", ...plain });
  expect(parse("prepare CAT --size 128 --fit stretch faces --drop-duplicates --seed 9 --json")).toEqual({
    command: "prepare",
    source: "CAT",
    out: "faces",
    size: 128,
    fit: "stretch",
    dropDuplicates: true,
    seed: 9,
    json: true,
  });
  expect(() => parse("prepare")).toThrow("SRC is missing; usage: catgan prepare SRC OUT [options]");
  expect(() => parse("prepare photos.zip")).toThrow("OUT is missing; usage: catgan prepare SRC OUT");
  expect(() => parse("prepare a b --size 100")).toThrow("--size 100: expected 16, 32, 64 or 128");
  expect(() => parse("prepare a b --fit squeeze")).toThrow("--fit squeeze: expected crop or stretch");
});

test("resume accepts only options that do not affect the numbers", () => {
  expect(parse("train --resume runs/a --steps 600 --sample-every 5 --save-every 1 --adapter nvidia --json")).toEqual({
    command: "train",
    resume: "runs/a",
    out: null,
    data: null,
    overrides: { steps: 600, sampleEvery: 5, saveEvery: 1 },
    onTrouble: "rollback",
    adapter: "nvidia",
    json: true,
  });
  expect(parse("train --resume runs/a --epochs 3")).toMatchObject({ overrides: { epochs: 3 } });
  expect(parse("train --resume runs/a --data moved/")).toMatchObject({ data: "moved/", overrides: {} });
  expect(parse("train --resume a.safetensors --out runs/b")).toMatchObject({ resume: "a.safetensors", out: "runs/b" });
  const refused = ["--base 4", "--preset tiny", "--fit crop", "--seed 2", "--no-flips", "--dry-run"];
  for (const option of refused) {
    const name = option.split(" ")[0].replace("--no-", "--");
    expect(() => parse(`train --resume runs/a ${option}`)).toThrow(`${name} cannot be combined with --resume`);
  }
});

test("evaluate", () => {
  expect(parse("evaluate runs/a")).toEqual({
    command: "evaluate",
    source: "runs/a",
    data: null,
    fit: null,
    n: 1024,
    seed: 1,
    nearest: null,
    force: false,
    adapter: "auto",
    json: false,
  });
  expect(
    parse("evaluate a.safetensors --data b.zip --fit stretch --n 64 --seed 3 --nearest n.png --force --json"),
  ).toMatchObject({
    data: "b.zip",
    fit: "stretch",
    n: 64,
    seed: 3,
    nearest: "n.png",
    force: true,
    json: true,
  });
});

test("sample and verify", () => {
  const defaults = { adapter: "auto", json: false };
  expect(parse("sample runs/a")).toEqual({
    command: "sample",
    source: "runs/a",
    n: 16,
    seed: 1,
    columns: null,
    walk: null,
    out: null,
    force: false,
    ...defaults,
  });
  expect(parse("sample --n 9 a.safetensors --seed 0 --columns 3 --out c.png --force --json")).toEqual({
    command: "sample",
    source: "a.safetensors",
    n: 9,
    seed: 0,
    columns: 3,
    walk: null,
    out: "c.png",
    force: true,
    adapter: "auto",
    json: true,
  });
  expect(parse("sample --seed 2")).toMatchObject({ source: null, seed: 2 });
  expect(parse("verify")).toEqual({ command: "verify", seed: 1, filter: null, quick: false, ...defaults });
  expect(parse("verify --filter conv2d")).toMatchObject({ filter: "conv2d" });
  expect(parse("verify --seed 5 --quick --adapter auto")).toEqual({
    command: "verify",
    seed: 5,
    filter: null,
    quick: true,
    ...defaults,
  });
});

test("sample --grid and --walk", () => {
  expect(parse("sample --grid 8x2")).toMatchObject({ n: 16, columns: 8, walk: null });
  expect(parse("sample --walk")).toMatchObject({ n: 1, columns: null, walk: { stops: 6, fps: 20 } });
  expect(parse("sample --walk --grid 3×2 --stops 4 --fps 25")).toMatchObject({
    n: 6,
    columns: 3,
    walk: { stops: 4, fps: 25 },
  });
});

test("timelapse", () => {
  const defaults = { command: "timelapse", run: "runs/a", out: null, fps: 8, grid: null, force: false, json: false };
  expect(parse("timelapse runs/a")).toEqual(defaults);
  expect(parse("timelapse runs/a --out a.gif --fps 12 --grid 4x3 --force --json")).toEqual({
    ...defaults,
    out: "a.gif",
    fps: 12,
    grid: { columns: 4, rows: 3 },
    force: true,
    json: true,
  });
});

test("export", () => {
  const defaults = { command: "export", f32: false, credit: null, force: false, adapter: "auto", json: false };
  expect(parse("export runs/a cats.safetensors")).toEqual({ ...defaults, source: "runs/a", out: "cats.safetensors" });
  const line = ["export", "a", "b", "--f32", "--credit", "cats by me", "--force", "--adapter", "software", "--json"];
  expect(parseCommand(line)).toEqual({
    command: "export",
    source: "a",
    out: "b",
    f32: true,
    credit: "cats by me",
    force: true,
    adapter: "software",
    json: true,
  });
  expect(() => parse("export")).toThrow("RUN|FILE.safetensors is missing; usage: catgan export RUN|");
  expect(() => parse("export runs/a")).toThrow("OUT.safetensors is missing; usage: catgan export RUN|");
  expect(() => parse("export a b c")).toThrow("unexpected argument c; usage: catgan export RUN|");
});

test("bench", () => {
  expect(parse("bench")).toEqual({
    command: "bench",
    filter: null,
    quick: false,
    all: false,
    compare: null,
    variants: false,
    json: null,
    save: false,
    readme: false,
    adapter: "auto",
  });
  expect(parse("bench --quick --filter conv2d --json a.json --compare b.json --all --adapter nvidia")).toMatchObject({
    filter: "conv2d",
    quick: true,
    all: true,
    compare: "b.json",
    json: "a.json",
    adapter: "nvidia",
  });
  expect(parse("bench --save --readme --all")).toMatchObject({ save: true, readme: true, all: true });
});

test("help, version, and repeated options: the last counts", () => {
  expect(parse("")).toEqual({ command: "help", topic: null });
  expect(parse("--help")).toEqual({ command: "help", topic: null });
  expect(parse("-h")).toEqual({ command: "help", topic: null });
  expect(parse("--version")).toEqual({ command: "version" });
  expect(parse("train --help")).toEqual({ command: "help", topic: "train" });
  expect(parse("sample -h")).toEqual({ command: "help", topic: "sample" });
  expect(parse("train --flips --no-flips --seed 1 --seed 2")).toMatchObject({ overrides: { flips: false, seed: 2 } });
  expect(parse("train --nonsense --help")).toEqual({ command: "help", topic: "train" });
  expect(parse("sample -- --odd-name")).toMatchObject({ source: "--odd-name" });
});

const mistakes: [line: string, message: string][] = [
  ["sample --grid 8", "--grid 8: expected columns and rows, as in 8x8, of at most 4096 pictures"],
  ["sample --grid 0x8", "--grid 0x8: expected columns and rows"],
  ["sample --grid 100x100", "--grid 100x100: expected columns and rows, as in 8x8, of at most 4096 pictures"],
  ["sample --grid 8x8 --n 3", "--n cannot be combined with --grid: --grid CxR sets both columns and rows"],
  ["sample --grid 8x8 --columns 3", "--columns cannot be combined with --grid: --grid CxR sets both columns and rows"],
  [
    "sample --walk --n 3",
    "--n cannot be combined with --walk: use --grid CxR for several paths, --stops for more cats",
  ],
  ["sample --stops 3", "--stops requires --walk"],
  ["sample --fps 3", "--fps requires --walk"],
  ["sample --walk --stops 1", "--stops 1: expected a whole number from 2 to 1000"],
  ["sample --walk --fps 51", "--fps 51: expected a whole number from 1 to 50"],
  ["timelapse", "RUN is missing; usage: catgan timelapse RUN [options]"],
  [
    "trian",
    "trian: unknown command, expected train, sample, timelapse, export, evaluate, prepare, verify, bench or shader; did you mean train?",
  ],
  ["--json train", "--json: unknown command"],
  ["constructor", "constructor: unknown command"],
  ["train --bsae 8", "--bsae: unknown option; did you mean --base?"],
  ["train --baseD 8", "--baseD: unknown option; did you mean --base-d?"],
  ["train --lr_d 8", "--lr_d: unknown option; did you mean --lr-d?"],
  ["train --batch-size 8", "--batch-size: unknown option; did you mean --batch?"],
  ["train --epoch 8", "--epoch: unknown option; did you mean --epochs?"],
  ["train --no-flip", "--no-flip: unknown option; did you mean --no-flips?"],
  ["train --no-json", "--no-json: unknown option"],
  ["train --learning-rate 1", "--learning-rate: unknown option; catgan train --help lists them"],
  ["train -x", "-x: unknown option"],
  ["train --__proto__ 1", "unknown option"],
  ["verify --n 3", "--n: unknown option; catgan verify --help lists them"],
  ["train cats", "unexpected argument cats; usage: catgan train [options]"],
  ["verify x", "unexpected argument x"],
  ["sample a b", "unexpected argument b"],
  ["evaluate", "RUN|FILE.safetensors is missing; usage: catgan evaluate RUN|FILE.safetensors [options]"],
  ["evaluate a --n 5000", "--n 5000: expected a whole number from 6 to 4096"],
  ["evaluate a --fit wide", "--fit wide: expected crop or stretch"],
  ["train --base", "--base: its value is missing, expected --base N"],
  ["train --base --json", "--base: its value is missing"],
  ["train --out=", "--out: its value is missing, expected --out DIR"],
  ["train --flips=yes", "--flips=yes: takes no value, expected --flips or --no-flips"],
  ["train --json=1", "--json=1: takes no value, expected --json"],
  ["train --augment all", "--augment all: expected none, or a comma-separated list of color, translation, cutout"],
  ["train --size 48", "--size 48: expected 16, 32, 64 or 128"],
  ["train --base many", "--base many: expected a whole number from 1 to 256"],
  ["train --base 0x10", "--base 0x10: expected a whole number from 1 to 256"],
  ["train --base -3", "--base -3: expected a whole number from 1 to 256"],
  ["train --batch 2.5", "--batch 2.5: expected a whole number"],
  ["train --lr-d 0", "--lr-d 0: expected a number above 0 and at most 1"],
  ["train --lr-d Infinity", "--lr-d Infinity: expected a number"],
  ["train --lr-d 1e999", "--lr-d 1e999: expected a number"],
  ["train --steps 0", "--steps 0: expected a whole number from 1"],
  ["train --steps 5 --epochs 5", "--epochs cannot be combined with --steps: both set the length of the run"],
  ["train --norm-d layer", "--norm-d layer: expected none or batch"],
  ["train --preset big", "--preset big: expected tiny, steady, steady128 or article"],
  ["train --preset toString", "--preset toString: expected tiny, steady, steady128 or article"],
  ["train --fit squeeze", "--fit squeeze: expected crop or stretch"],
  ["train --preset tiny --norm-d batch", "set r1 to 0 (--r1 0) or normD to none"],
  ["bench --readme --quick", "--quick cannot be combined with --readme: only complete results are saved"],
  ["bench --save --filter adam", "--filter cannot be combined with --save: only complete results are saved"],
  [
    "bench --variants --compare a",
    "--compare cannot be combined with --variants: --variants times all variants and nothing else",
  ],
  ["bench --json", "--json: its value is missing, expected --json FILE"],
  ["sample a --n 0", "--n 0: expected a whole number from 1"],
  ["verify --seed 4294967296", "--seed 4294967296: expected a whole number from 0 to 4294967295"],
];

test.each(mistakes)("refuses: catgan %s", (line, message) => {
  expect(() => parse(line)).toThrow(message);
  expect(() => parse(line)).toThrow(UserError);
  expect(() => parse(line)).toThrow(/^[^\n]{1,200}$/);
});

test("resolveConfig: overrides win, steps and epochs replace each other", () => {
  expect(resolveConfig("tiny", {})).toEqual(presets.tiny);
  expect(resolveConfig("tiny", { epochs: 3 })).toEqual({ ...presets.tiny, steps: null, epochs: 3 });
  expect(resolveConfig("article", { steps: 3 })).toEqual({ ...presets.article, steps: 3, epochs: null });
  expect(resolveConfig("tiny", { base: 32 }).baseD).toBe(16);
  expect(resolveConfig({ ...presets.steady, seed: 9 }, { steps: 2000 })).toMatchObject({ seed: 9, steps: 2000 });
  expect(() => resolveConfig("steady", { normD: "batch" })).toThrow(UserError);
});

test("help fits 80 columns and names every option", () => {
  for (const topic of [null, ...commandNames]) {
    for (const line of helpText(topic).split("\n")) {
      expect(line.length, line).toBeLessThanOrEqual(80);
      expect(line).toBe(line.trimEnd());
    }
  }
  const train = helpText("train");
  expect(train).toMatch(
    /Closing the terminal stops training.*nohup does not.*setsid catgan train > train\.log 2>&1 &\n/s,
  );
  for (const [name, { options }] of Object.entries(specs)) {
    const help = helpText(name as CommandName);
    for (const key of [...Object.keys(options), "help"]) {
      expect(help).toMatch(new RegExp(`^ {2}(-h, )?--(\\[no-\\])?${kebab(key)}( |$)`, "m"));
    }
  }
  expect(helpText("sample")).toContain("--fps N                 Frames per second of --walk (default: 20)\n");
  expect(train).toContain("[0.001|0.0004|0.0004|0.00005]");
  expect(helpText()).toContain("verify");
});

test("the examples of the help are command lines that parse", () => {
  for (const topic of commandNames) {
    const examples = helpText(topic).split("Examples:\n")[1].trimEnd().split("\n");
    expect(examples.length).toBeGreaterThan(1);
    for (const example of examples) {
      const [line] = example.trim().split(/ {2,}/);
      expect(parse(line.replace("catgan ", "")).command).toBe(topic);
    }
  }
});

import { expect, test } from "vitest";
import { type Config, checkConfig, configKeys, parseConfig, presets } from "../../src/train/config.ts";

const { tiny, steady, article } = presets;

test("presets are valid and have the values of their recipes", () => {
  for (const preset of Object.values(presets)) checkConfig(preset);
  expect(tiny).toMatchObject({ size: 32, base: 8, baseD: 16, batch: 16, z: 100, kernel: 5, slope: 0.2, normD: "none" });
  expect(tiny).toMatchObject({ lrD: 1e-3, lrG: 2e-3, beta1: 0, beta2: 0.999, smoothing: 0, r1: 1, r1Every: 8 });
  expect(tiny).toMatchObject({ ema: 0.97, steps: 800, epochs: null, flips: false, smoothFilter: false });
  expect(steady).toMatchObject({ size: 64, base: 16, baseD: 32, batch: 16, normD: "none", smoothFilter: true });
  expect(steady).toMatchObject({ lrD: 4e-4, lrG: 8e-4, beta1: 0, r1: 1, r1Every: 8, ema: 0.995, flips: true });
  expect(steady).toMatchObject({ loss: "relativistic", r2: 1 });
  expect(article).toMatchObject({ size: 128, base: 64, baseD: 64, batch: 64, normD: "batch", normDFirst: false });
  expect(article).toMatchObject({ lrD: 5e-5, lrG: 2e-4, beta1: 0.5, beta2: 0.999, smoothing: 0.1, r1: 0, ema: 0 });
  for (const preset of [tiny, steady, article]) expect(preset.augment).toBe("none");
  expect(article).toMatchObject({ steps: null, epochs: 215, sampleEvery: 10, saveEvery: 5, smoothFilter: false });
});

const good: [Partial<Config>, why: string][] = [
  [{ size: 16 }, "smallest"],
  [{ kernel: 1 }, "a plain filter may be 1 wide"],
  [{ kernel: 2, smoothFilter: true }, "a smooth one 2"],
  [{ normD: "batch", normDFirst: true, r1: 0 }, "batch-norm without R1"],
  [{ minibatchStddev: true, batch: 12 }, "by fours"],
  [{ minibatchStddev: true, batch: 3 }, "a batch of fewer"],
  [{ loss: "hinge" }, "another loss"],
  [{ loss: "relativistic", normD: "batch", r1: 0 }, "another loss and batch-norm"],
  [{ steps: null, epochs: 1 }, "epochs alone"],
  [{ seed: 0 }, "first seed"],
  [{ seed: 2 ** 32 - 1 }, "last seed"],
  [{ sampleEvery: 0, saveEvery: 0 }, "only at the end"],
  [{ augment: "translation" }, "one change of what D sees"],
  [{ augment: "cutout,color,translation" }, "all of them, in any order"],
  [{ batch: 1, base: 1, baseD: 256, slope: 0, beta2: 0 }, "bounds"],
];

test.each(good)("accepts %j: %s", (change) => {
  expect(parseConfig(JSON.parse(JSON.stringify({ ...tiny, ...change })))).toEqual({ ...tiny, ...change });
});

const bad: [change: Record<string, unknown>, message: string][] = [
  [{ size: 48 }, "size is 48, expected 16, 32, 64 or 128"],
  [{ size: 256 }, "size is 256"],
  [{ size: "32" }, 'size is "32"'],
  [{ base: 0 }, "base is 0, expected a whole number from 1 to 256"],
  [{ base: 257 }, "base is 257"],
  [{ baseD: 1.5 }, "baseD is 1.5"],
  [{ batch: 0 }, "batch is 0"],
  [{ z: -1 }, "z is -1"],
  [{ kernel: 8 }, "kernel is 8, expected a whole number from 1 to 7"],
  [{ kernel: 1, smoothFilter: true }, "kernel is 1 and smoothFilter is true, which needs filters at least 2 wide"],
  [{ slope: 1 }, "slope is 1, expected a number of at least 0 and below 1"],
  [{ normD: "layer" }, 'normD is "layer", expected none or batch'],
  [{ normDFirst: 1 }, "normDFirst is 1, expected true or false"],
  [{ normDFirst: true }, "normDFirst is true, which needs normD batch, but normD is none"],
  [{ lrD: 0 }, "lrD is 0, expected a number above 0 and at most 1"],
  [{ lrG: Number.NaN }, "lrG is NaN"],
  [{ lrDecayFrom: -1 }, "lrDecayFrom is -1, expected a whole number from 0 to 1000000000"],
  [{ lrDecaySteps: 0 }, "lrDecaySteps is 0, expected a whole number from 1"],
  [{ lrDecayTo: 0 }, "lrDecayTo is 0, expected a number above 0 and at most 1"],
  [{ beta1: 1 }, "beta1 is 1"],
  [{ beta2: -0.1 }, "beta2 is -0.1"],
  [{ smoothing: 1 }, "smoothing is 1"],
  [
    { minibatchStddev: true, batch: 6 },
    "batch is 6 and minibatchStddev compares groups of four pictures, expected 2, 3 or",
  ],
  [{ minibatchStddev: true, batch: 1 }, "batch is 1 and minibatchStddev"],
  [{ spectralNormD: 1 }, "spectralNormD is 1, expected true or false"],
  [{ loss: "wgan" }, 'loss is "wgan", expected bce, hinge or relativistic'],
  [
    { loss: "hinge", smoothing: 0.1 },
    "smoothing is 0.1 and loss is hinge, which has no labels to smooth: set smoothing to 0",
  ],
  [{ r1: Number.POSITIVE_INFINITY }, "r1 is Infinity"],
  [{ r1: -1 }, "r1 is -1"],
  [{ r2: 1001 }, "r2 is 1001, expected a number from 0 (off) to 1000"],
  [
    { normD: "batch", r1: 0, r2: 1 },
    "r2 is 1 and normD is batch, but batch-norm has no second derivative here: set r2 to 0",
  ],
  [{ normD: "batch" }, "batch-norm has no second derivative here: set r1 to 0"],
  [{ r1Every: 0 }, "r1Every is 0"],
  [{ ema: 1 }, "ema is 1"],
  [{ flips: "no" }, 'flips is "no"'],
  [{ augment: "all" }, 'augment is "all", expected none, or a comma-separated list of color, translation, cutout'],
  [{ augment: "color,color" }, 'augment is "color,color"'],
  [{ augment: "none,color" }, 'augment is "none,color"'],
  [{ augment: "" }, 'augment is ""'],
  [{ augment: true }, "augment is true"],
  [{ steps: 0 }, "steps is 0"],
  [{ steps: null }, "steps is null and epochs is null, expected one of them"],
  [{ epochs: 5 }, "steps is 800 and epochs is 5, expected one of them"],
  [{ seed: 2 ** 32 }, "seed is 4294967296"],
  [{ sampleEvery: -1 }, "sampleEvery is -1"],
  [{ saveEvery: null }, "saveEvery is null"],
  [{ size: [32] }, "size is an array"],
];

test.each(bad)("refuses %j", (change, message) => {
  const config = { ...tiny, ...change };
  expect(() => checkConfig(config as Config)).toThrow(message);
  expect(() => parseConfig(config)).toThrow(/^configuration: [^\n]+$/);
});

test("parseConfig requires exactly the keys of a configuration", () => {
  const later = [
    "spectralNormD",
    "minibatchStddev",
    "loss",
    "r2",
    "augment",
    "metricsEvery",
    "lrDecayFrom",
    "lrDecaySteps",
    "lrDecayTo",
  ];
  for (const key of configKeys) {
    const { [key]: _, ...rest } = tiny;
    // Files of a version that did not have it mean what it did.
    if (later.includes(key)) expect(parseConfig(rest)).toEqual(tiny);
    else expect(() => parseConfig(rest)).toThrow(`configuration: ${key} is missing`);
  }
  expect(() => parseConfig({ ...tiny, dropout: 0.5 })).toThrow('configuration: unknown key "dropout"');
  expect(() => parseConfig(JSON.parse('{"__proto__":{}}'))).toThrow('unknown key "__proto__"');
  expect(() => parseConfig(Object.create(tiny))).toThrow("steps is missing");
  for (const json of [null, undefined, 3, "tiny", [], [tiny]]) {
    expect(() => parseConfig(json)).toThrow(/^configuration: .*, expected an object$/);
  }
});

test("parseConfig returns a copy", () => {
  const json = { ...tiny };
  const config = parseConfig(json);
  json.size = 64;
  expect(config).toEqual(tiny);
});

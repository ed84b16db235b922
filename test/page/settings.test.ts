import { describe, expect, test } from "vitest";
import { fields, groups } from "../../src/page/fields.ts";
import { changed, formatSettings, parseSettings } from "../../src/page/settings.ts";
import { whenChanged } from "../../src/page/when.ts";
import { configKeys, presets } from "../../src/train/config.ts";

describe("settings in the address", () => {
  test("the default preset as it is needs none", () => {
    expect(formatSettings(parseSettings(""))).toBe("");
    expect(parseSettings("?").config).toEqual(presets.tiny);
  });

  test("come back as they were", () => {
    const settings = {
      preset: "steady",
      config: { ...presets.steady, lrD: 0.0002, flips: false, normD: "none", steps: null, epochs: 7, seed: 9 },
    } as const;
    const query = formatSettings(settings);
    expect(query).toBe("preset=steady&lrD=0.0002&flips=false&epochs=7&seed=9");
    const { preset, config, problems } = parseSettings(query);
    expect({ preset, config, problems }).toEqual({ ...settings, problems: [] });
  });

  test("what is not understood is left out and said", () => {
    const { preset, config, problems } = parseSettings(
      "preset=huge&lrD=fast&batch=0&colour=red&seed=4&flips=maybe&test",
    );
    expect(preset).toBe("tiny");
    expect(config).toEqual({ ...presets.tiny, seed: 4 });
    expect(problems).toEqual([
      "preset=huge: there is tiny, steady, steady128, article",
      "lrD=fast: expected a number above 0 and at most 1",
      "batch=0: expected a whole number from 1 to 4096",
      "colour: there is no such setting",
      "flips=maybe: expected true or false",
    ]);
  });

  test("values that contradict each other leave the preset as it is", () => {
    const { config, problems } = parseSettings("normD=batch");
    expect(config).toEqual(presets.tiny);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/r1 is 1 and normD is batch/);
  });

  test("steps and epochs take each other's place", () => {
    expect(changed(presets.tiny, { epochs: 3 })).toMatchObject({ steps: null, epochs: 3 });
    expect(changed(presets.article, { steps: 3 })).toMatchObject({ steps: 3, epochs: null });
  });
});

describe("fields", () => {
  test("every hyper-parameter of the page stands in one group and has a sentence", () => {
    const keys = groups.flatMap((group) => group.keys);
    expect([...keys].sort()).toEqual([...configKeys].sort());
    for (const key of keys) expect(fields[key].does).toMatch(/^[A-Z].*\.$/);
  });

  test("what makes other networks, pictures or random numbers needs a new run", () => {
    const fixed = configKeys.filter((key) => whenChanged(key, presets.tiny, presets.tiny) === "new run");
    expect(fixed).toEqual([
      "size",
      "base",
      "baseD",
      "batch",
      "z",
      "kernel",
      "normD",
      "normDFirst",
      "spectralNormD",
      "minibatchStddev",
      "smoothFilter",
      "seed",
    ]);
    expect(whenChanged("ema", presets.tiny, { ...presets.tiny, ema: 0.9 })).toBe("between steps");
    expect(whenChanged("ema", presets.tiny, { ...presets.tiny, ema: 0 })).toBe("new run");
  });
});

import { afterEach, describe, expect, test, vi } from "vitest";
import { Controls } from "../../src/page/controls.ts";
import { formatSettings, parseSettings } from "../../src/page/settings.ts";
import { changed, whenChanged } from "../../src/train/changes.ts";
import { configKeys, presets } from "../../src/train/config.ts";
import { settings as table } from "../../src/train/settings.ts";

describe("settings in the address", () => {
  test("the unchanged default preset needs none", () => {
    expect(formatSettings(parseSettings(""))).toBe("");
    expect(parseSettings("?").config).toEqual(presets.tiny);
  });

  test("come back as they were", () => {
    const settings = {
      preset: "steady",
      config: { ...presets.steady, lrD: 0.0002, flips: false, normD: "none", steps: null, epochs: 7, seed: 9 },
    } as const;
    const query = formatSettings(settings);
    expect(query).toBe("preset=steady&epochs=7&seed=9&lrD=0.0002&flips=false");
    const { preset, config, problems } = parseSettings(query);
    expect({ preset, config, problems }).toEqual({ ...settings, problems: [] });
  });

  test("what is not understood is ignored and reported", () => {
    const { preset, config, problems } = parseSettings(
      "preset=huge&lrD=fast&batch=0&colour=red&seed=4&flips=maybe&test",
    );
    expect(preset).toBe("tiny");
    expect(config).toEqual({ ...presets.tiny, seed: 4 });
    expect(problems).toEqual([
      "preset=huge: expected tiny, steady, steady128 or article",
      "lrD=fast: expected a number above 0 and at most 1",
      "batch=0: expected a whole number from 1 to 4096",
      "colour: unknown setting",
      "flips=maybe: expected true or false",
    ]);
  });

  test("values that contradict each other leave the preset as it is", () => {
    const { config, problems } = parseSettings("normD=batch");
    expect(config).toEqual(presets.tiny);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/r1 is 1 and normD is batch/);
  });

  test("steps and epochs replace each other", () => {
    expect(changed(presets.tiny, { epochs: 3 })).toMatchObject({ steps: null, epochs: 3 });
    expect(changed(presets.article, { steps: 3 })).toMatchObject({ steps: 3, epochs: null });
  });
});

/** As much of an element as the form uses while it is built. */
class PaperElement {
  readonly children: PaperElement[] = [];
  readonly attributes: Record<string, string> = {};
  readonly listeners: Record<string, () => void> = {};
  readonly classList = { toggle() {} };
  textContent = "";
  constructor(readonly name: string) {}
  append(...children: (PaperElement | string)[]) {
    for (const child of children) {
      if (typeof child === "string") this.textContent += child;
      else this.children.push(child);
    }
  }
  setAttribute(name: string, value: string) {
    this.attributes[name] = value;
  }
  addEventListener(type: string, listener: () => void) {
    this.listeners[type] = listener;
  }
  all(name: string): (PaperElement & { id: string; value: string })[] {
    const below = this.children.flatMap((child) => child.all(name));
    return this.name === name ? [this as never, ...below] : below;
  }
}

describe("fields", () => {
  afterEach(() => void vi.unstubAllGlobals());

  function form(onChange = vi.fn()) {
    const hosts: Record<string, PaperElement> = { fields: new PaperElement("div"), presets: new PaperElement("div") };
    vi.stubGlobal("document", {
      getElementById: (id: string) => hosts[id],
      createElement: (name: string) => new PaperElement(name),
    });
    vi.stubGlobal("HTMLInputElement", class {});
    new Controls({ onPreset() {}, onChange });
    return hosts.fields;
  }

  test("the form has every setting once, with its label and its sentence", () => {
    const fields = form();
    const inputs = [...fields.all("input"), ...fields.all("select")];
    expect(inputs.map(({ id }) => id).sort()).toEqual(configKeys.map((key) => `set-${key}`).sort());
    expect(fields.all("label").map(({ textContent }) => textContent)).toEqual(
      configKeys.map((key) => table[key].label),
    );
    expect(fields.all("p").map(({ textContent }) => textContent)).toEqual(
      configKeys.map((key) => `${table[key].help}.`),
    );
  });

  test("a field accepts its setting's values, and otherwise says what is expected", () => {
    const onChange = vi.fn();
    const fields = form(onChange);
    const input = fields.all("input").find(({ id }) => id === "set-kernel")!;
    const hint = fields.all("p").find(({ id }) => id === "set-kernel-hint")!;
    input.value = "8";
    input.listeners.change();
    expect(onChange).not.toHaveBeenCalled();
    expect(input.attributes["aria-invalid"]).toBe("true");
    expect(hint.textContent).toBe("Expected a whole number from 1 to 7.");
    input.value = "3";
    input.listeners.change();
    expect(onChange).toHaveBeenCalledExactlyOnceWith("kernel", 3);
    expect(hint.textContent).toBe(`${table.kernel.help}.`);
  });

  test("a change to networks, pictures or random numbers needs a new run", () => {
    const fixed = configKeys.filter((key) => whenChanged(key, presets.tiny, presets.tiny) === "new run");
    expect(fixed).toEqual([
      "seed",
      "batch",
      "size",
      "base",
      "baseD",
      "z",
      "kernel",
      "normD",
      "normDFirst",
      "spectralNormD",
      "minibatchStddev",
      "smoothFilter",
    ]);
    expect(whenChanged("ema", presets.tiny, { ...presets.tiny, ema: 0.9 })).toBe("between steps");
    expect(whenChanged("ema", presets.tiny, { ...presets.tiny, ema: 0 })).toBe("new run");
  });
});

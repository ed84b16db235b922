/** The form with the presets and every setting. */
import { whenChanged } from "../train/changes.ts";
import { type Config, configKeys, type PresetName, presets, settingGroups } from "../train/config.ts";
import { settings } from "../train/settings.ts";
import { byId, h, setText } from "./dom.ts";

/** How the form describes each preset. */
export const presetWords: Readonly<Record<PresetName, { title: string; about: string }>> = {
  tiny: { title: "Tiny", about: "32 × 32, 800 steps: cats within minutes, even without a GPU" },
  steady: { title: "Steady", about: "64 × 64, 1,600 steps: made for photographs, on any GPU" },
  steady128: { title: "Steady 128", about: "128 × 128, 20,000 steps: the same recipe, larger, for a fast GPU" },
  article: { title: "Article", about: "128 × 128, as published in 2018: 20 hours on a cloud GPU then" },
};

interface Control {
  row: HTMLElement;
  input: HTMLInputElement | HTMLSelectElement;
  hint: HTMLElement;
}

export class Controls {
  private readonly controls = new Map<keyof Config, Control>();
  private readonly etas = new Map<PresetName, HTMLElement>();
  private readonly radios = new Map<PresetName, HTMLInputElement>();
  /** Fields with an invalid value, which stays, with its error, until the settings change. */
  private readonly refused = new Map<keyof Config, Config>();
  private shown: Config | null = null;

  constructor(
    private readonly options: {
      onPreset(preset: PresetName): void;
      onChange(key: keyof Config, value: Config[keyof Config]): void;
    },
  ) {
    const host = byId("presets");
    for (const name of Object.keys(presets) as PresetName[]) {
      const radio = h("input", { type: "radio", name: "preset", value: name, onchange: () => options.onPreset(name) });
      const eta = h("span", { className: "eta" });
      const { title, about } = presetWords[name];
      host.append(h("label", { className: "preset" }, radio, h("b", {}, title), h("span", {}, about), eta));
      this.radios.set(name, radio);
      this.etas.set(name, eta);
    }
    byId("fields").append(
      ...settingGroups.map(({ title, keys }, i) =>
        h(
          "details",
          { className: "group", open: i === 0 },
          h("summary", {}, title),
          h("div", {}, ...keys.map((key) => this.make(key))),
        ),
      ),
    );
  }

  showEta(preset: PresetName, text: string): void {
    setText(this.etas.get(preset)!, text);
  }

  /** @param run the open run's configuration, with which the settings are compared */
  show(preset: PresetName, config: Config, run: Config | null, stepsPerEpoch: number): void {
    const { steps, epochs } = config;
    const inEpochs = String(Math.ceil((steps ?? 0) / stepsPerEpoch));
    this.controls.get("epochs")!.input.setAttribute("placeholder", epochs === null ? inEpochs : "");
    this.controls
      .get("steps")!
      .input.setAttribute("placeholder", steps === null ? String(epochs! * stepsPerEpoch) : "");
    this.radios.get(preset)!.checked = true;
    this.shown = config;
    for (const [key, { row, input, hint }] of this.controls) {
      const value = config[key];
      // A value that is being typed is left alone.
      if (document.activeElement !== input && this.refused.get(key) !== config) {
        if (input instanceof HTMLInputElement && input.type === "checkbox") input.checked = value === true;
        else input.value = value === null ? "" : String(value);
        input.removeAttribute("aria-invalid");
        this.say(key, hint, run !== null);
      }
      row.classList.toggle("differs", value !== (run ?? presets[preset])[key]);
    }
  }

  private say(key: keyof Config, hint: HTMLElement, hasRun: boolean, problem?: string): void {
    hint.classList.toggle("wrong", problem !== undefined);
    setText(hint, problem ?? hintOf(key, hasRun));
  }

  private make(key: keyof Config): HTMLElement {
    const { label, type } = settings[key];
    const id = `set-${key}`;
    const hint = h("p", { id: `${id}-hint` }, hintOf(key, false));
    let input: HTMLInputElement | HTMLSelectElement;
    if (type.input.kind === "choice") {
      input = h("select", { id });
      for (const [value, text] of Object.entries(type.input.labels)) input.append(h("option", { value }, text));
    } else if (type.input.kind === "switch") input = h("input", { id, type: "checkbox", className: "switch" });
    else input = h("input", { id, type: "number", step: String(type.input.step), inputMode: "decimal" });
    input.setAttribute("aria-describedby", hint.id);
    input.addEventListener("change", () => {
      const text = input instanceof HTMLInputElement && input.type === "checkbox" ? String(input.checked) : input.value;
      const value = type.read(text);
      const holds = type.holds(value);
      input.setAttribute("aria-invalid", String(!holds));
      if (holds) this.refused.delete(key);
      else this.refused.set(key, this.shown!);
      this.say(key, hint, false, holds ? undefined : `Expected ${type.expected}.`);
      if (holds) this.options.onChange(key, value);
    });
    const row = h("div", { className: "field" }, h("label", { htmlFor: id }, label), input, hint);
    this.controls.set(key, { row, input, hint });
    return row;
  }
}

function hintOf(key: keyof Config, hasRun: boolean): string {
  const { help, takesEffect } = settings[key];
  return `${help}.${hasRun && takesEffect === "new run" ? " Needs a new run." : ""}`;
}

/** Labels of the settings that differ and can only differ in a new run. */
export function needNewRun(run: Config, config: Config): string[] {
  return configKeys
    .filter((key) => run[key] !== config[key] && whenChanged(key, run, config) === "new run")
    .map((key) => settings[key].label.toLowerCase());
}

/** What is said about a setting is said everywhere, once, and is the same everywhere. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseCommand } from "../../src/cli/commands.ts";
import { helpText } from "../../src/cli/help.ts";
import { kebab } from "../../src/cli/options.ts";
import { type Config, configKeys, presets, settingGroups } from "../../src/train/config.ts";
import { checkSameRun } from "../../src/train/same_run.ts";
import { settings } from "../../src/train/settings.ts";
import { settingsPage } from "./settings_docs.ts";

const { tiny } = presets;
const docs = new URL("../../docs/settings.md", import.meta.url);

/** A value that the setting may have and does not have in `tiny`. */
function otherValue(key: keyof Config): string {
  const { type } = settings[key];
  const texts = type.input.kind === "choice" ? Object.keys(type.input.labels) : ["3", "0.5", "true"];
  return texts.find((text) => type.holds(type.read(text)) && type.read(text) !== tiny[key])!;
}

/** As words of a command line. */
function asOption(key: keyof Config): string[] {
  return settings[key].type.input.kind === "switch" ? [`--${kebab(key)}`] : [`--${kebab(key)}`, otherValue(key)];
}

const changed = (key: keyof Config, config: Config): Config => ({
  ...config,
  [key]: settings[key].type.read(otherValue(key)),
});

function accepts(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}

const occurrences = (text: string, part: string) => text.split(part).length - 1;

test("every setting has its own label and one sentence", () => {
  expect(new Set(configKeys.map((key) => settings[key].label)).size).toBe(configKeys.length);
  for (const key of configKeys) expect(settings[key].help).toMatch(/^[A-Z0-9][^.]*[^.\s]$/);
});

test("docs/settings.md is what the table says", () => {
  const page = settingsPage();
  if (process.env.CATGAN_RECORD !== undefined) writeFileSync(docs, page);
  expect(existsSync(docs) && readFileSync(docs, "utf8")).toBe(page);
});

test.each(configKeys)("%s is once in the help, in one group, and once in docs/settings.md", (key) => {
  const help = helpText("train");
  const rows = help.split("\n").filter((line) => new RegExp(`^ {2}--(\\[no-\\])?${kebab(key)}( |$)`).test(line));
  expect(rows).toHaveLength(1);
  const words = help.replace(/\s+/g, " ");
  expect(occurrences(words, `${settings[key].help} [`)).toBe(1);
  expect(settingGroups.filter(({ keys }) => keys.includes(key)).map(({ title }) => title)).toEqual([
    settings[key].group,
  ]);
  const documented = readFileSync(docs, "utf8").split("\n");
  expect(documented.filter((line) => new RegExp(`^\\| \`${key}\`[ ,]`).test(line))).toHaveLength(1);
});

test.each(configKeys)("%s: the terminal, its help and checkpoints agree on --resume", (key) => {
  const resumed = ["train", "--resume", "runs/a", ...asOption(key)];
  const { resumable } = settings[key];
  expect(accepts(() => parseCommand(resumed))).toBe(resumable !== undefined);
  // The decay of the learning rates has not begun.
  expect(accepts(() => checkSameRun({ config: tiny, step: 2 }, changed(key, tiny)))).toBe(resumable !== undefined);
  // It has begun.
  const decays = { ...tiny, lrDecayFrom: 1 };
  expect(accepts(() => checkSameRun({ config: decays, step: 2 }, changed(key, decays)))).toBe(resumable === "always");
  const help = helpText("train").replace(/\s+/g, " ");
  const [always, beforeDecay] = /can be combined with (.*?) --dry-run/.exec(help)![1].split("; before the decay");
  const names = (text: string) => text.match(/--[a-z\d-]+/g)!;
  expect(names(always).includes(`--${kebab(key)}`)).toBe(resumable === "always");
  expect(names(beforeDecay).includes(`--${kebab(key)}`)).toBe(resumable === "before the decay");
});

test("the error lists what --resume allows", () => {
  expect(() => parseCommand(["train", "--resume", "runs/a", "--base", "3"])).toThrow(
    "--base cannot be combined with --resume (allowed: --data, --out, --on-trouble, --adapter, --json, --steps, --epochs, " +
      "--sample-every, --save-every, --metrics-every; before the decay begins also --lr-decay-from, --lr-decay-steps, --lr-decay-to)",
  );
});

test("what a file of an earlier version lacks has a value that the setting may have", () => {
  const later = configKeys.filter((key) => settings[key].ifMissing !== undefined);
  expect(later.length).toBeGreaterThan(0);
  for (const key of later) expect(settings[key].type.holds(settings[key].ifMissing)).toBe(true);
});

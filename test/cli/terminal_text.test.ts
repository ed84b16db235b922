import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { Reporter } from "../../src/cli/progress.ts";
import { escapeControls, terminalJson } from "../../src/cli/terminal_text.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/train/safetensors.ts";
import { eventsOf, type Result, run, temporaryFolder, writePictures } from "./program.ts";

afterEach(() => vi.unstubAllEnvs());

const steering = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
/** Colours, the window's title, the same with C1, reordering, zero width, separators. */
const evil = "\x1b[31m \x1b]0;title\x07 \x9b31m\x9d0;x\x9c \u202egnp.\u2066\u2069 \u200b\ufeff\u2028\u2029\x7f\r end";
const shown =
  "\\u{1b}[31m \\u{1b}]0;title\\u{7} \\u{9b}31m\\u{9d}0;x\\u{9c} \\u{202e}gnp.\\u{2066}\\u{2069} \\u{200b}\\u{feff}\\u{2028}\\u{2029}\\u{7f}\\u{d} end";

test("characters that control a terminal are shown as escapes; everything else stays", () => {
  expect(escapeControls(evil)).toBe(shown);
  expect(escapeControls("a\nb\tc\0")).toBe("a\\u{a}b\\u{9}c\\u{0}");
  expect(escapeControls("\ud800x\udc00 \u{e0041}")).toBe("\\u{d800}x\\u{dc00} \\u{e0041}");
  const plain = "Größe 16×16 → 猫 😀 «q»\u00a0\\u{9b} ━";
  expect(escapeControls(plain)).toBe(plain);
  for (let unit = 0; unit < 0x10000; unit++) {
    expect(steering.test(escapeControls(String.fromCharCode(unit)))).toBe(false);
  }
});

test("JSON keeps the values", () => {
  const event = { event: evil, [evil]: [evil, 1, null], emoji: "😀\u{e0041}", lone: "\ud800" };
  expect(steering.test(terminalJson(event))).toBe(false);
  expect(JSON.parse(terminalJson(event))).toEqual(event);
});

test("on a terminal, our own styles stay and foreign ones do not", () => {
  vi.stubEnv("TERM", "xterm");
  vi.stubEnv("NO_COLOR", "");
  let text = "";
  const reporter = new Reporter({ isTTY: true, columns: 80, write: (more: string) => void (text += more) }, false);
  reporter.line(`a ${reporter.bold(`b${evil}`)} c${evil} ${reporter.dim("d")}`);
  expect(text).toBe(`a \x1b[1mb${shown}\x1b[22m c${shown} \x1b[2md\x1b[22m\n`);
  text = "";
  // A style that is begun and not ended would hold for all that follows.
  reporter.line(`\x1b[2m x ${reporter.bold("b")} \x1b[22m`);
  expect(text).toBe("\\u{1b}[2m x \x1b[1mb\x1b[22m \\u{1b}[22m\n");
  text = "";
  reporter.fact("name", evil);
  for (const own of ["\x1b[2m", "\x1b[22m", "\n"]) text = text.replaceAll(own, "");
  expect(text).toContain("\\u{1b}[31m");
  expect(text).not.toMatch(steering);
  text = "";
  reporter.preparing(evil, 1, 2);
  expect(text.slice("\r\x1b[2K".length)).not.toMatch(steering);
});

// ---- a checkpoint of somebody else ----

const folder = temporaryFolder();
const photos = join(folder, "photos");
const good = join(folder, "good");
const checkpoint = (dir: string) => join(dir, "checkpoints", "step-000002.safetensors");
type State = ReturnType<typeof decodeSafetensors>;

beforeAll(async () => {
  writePictures(photos, 12);
  const small = "--preset tiny --size 16 --base 4 --base-d 4 --batch 4 --z 8 --steps 2".split(" ");
  expect((await run("train", ...small, "--data", photos, "--out", good)).code).toBe(0);
});

/** The run's copy, in a folder with an evil name, with its checkpoint changed. */
function changed(name: string, change: (state: State) => void): string {
  const dir = join(folder, `${name} ${evil.replace(/\0|\//g, "")}`);
  mkdirSync(join(dir, "checkpoints"), { recursive: true });
  mkdirSync(join(dir, "samples"));
  for (const file of ["config.json", "losses.csv", "samples/step-000002.png"]) {
    copyFileSync(join(good, file), join(dir, file));
  }
  const state = decodeSafetensors(readFileSync(checkpoint(good)));
  change(state);
  writeFileSync(checkpoint(dir), encodeSafetensors(state.tensors, state.metadata));
  return dir;
}

/** Changes what a string of the metadata holds as JSON. */
// biome-ignore lint/suspicious/noExplicitAny: whatever a file says
function edit({ metadata }: State, key: string, change: (value: any) => void): void {
  const value = JSON.parse(metadata[key]);
  change(value);
  metadata[key] = JSON.stringify(value);
}

const commands = {
  train: (dir: string) => ["train", "--resume", dir, "--steps", "3", "--json"],
  sample: (dir: string) => ["sample", dir, "--out", join(folder, "out.png")],
  export: (dir: string) => ["export", dir, join(folder, "out.safetensors")],
  evaluate: (dir: string) => ["evaluate", dir, "--n", "6", "--json"],
  timelapse: (dir: string) => ["timelapse", dir],
};
type Name = keyof typeof commands;

const cases: [what: string, names: Name[], change: (state: State) => void][] = [
  [
    "adapter and variants",
    Object.keys(commands) as Name[],
    (state) =>
      edit(state, "machine", (machine) => {
        machine.adapter = evil;
        for (const key of Object.keys(machine.variants)) machine.variants[key] = evil;
        machine.variants[evil] = evil;
      }),
  ],
  [
    "variants",
    ["train"],
    (state) =>
      edit(state, "machine", ({ variants }) => {
        for (const key of Object.keys(variants)) variants[key] = evil;
      }),
  ],
  [
    "source",
    ["train", "evaluate"],
    (state) => edit(state, "pictures", ({ source }) => (source.data = join(folder, evil))),
  ],
  ["tensor", ["train"], ({ tensors }) => tensors.set(evil, { shape: [1], data: new Float32Array(1) })],
  ["configuration's key", ["train", "export"], (state) => edit(state, "config", (config) => (config[evil] = 1))],
  ["configuration's value", ["train", "evaluate"], (state) => edit(state, "config", (config) => (config.loss = evil))],
  ["format", ["train", "sample"], ({ metadata }) => void (metadata.format = evil)],
];

const printed = ({ stdout, stderr }: Result) => `${stdout}${stderr}`.replaceAll("\n", "");

test.each(cases)("a foreign %s reaches the terminal as escapes", async (what, names, change) => {
  const dir = changed(what, change);
  let escaped = false;
  for (const name of names) {
    const words = commands[name](dir);
    const result = await run(...words);
    if (words.includes("--json")) eventsOf(result);
    expect(printed(result), name).not.toMatch(steering);
    escaped ||= printed(result).includes("\\u");
  }
  expect(escaped).toBe(true);
});

test("the text of resuming: the adapter, the run's folder and the pictures' path", async () => {
  const dir = changed("words", (state) => edit(state, "machine", (machine) => (machine.adapter = evil)));
  const moved = join(folder, `photos ${evil}`);
  writePictures(moved, 12);
  writeFileSync(join(moved, `torn ${evil.replace(/\//g, "")}.png`), "no picture");
  const result = await run("train", "--resume", dir, "--steps", "3", "--data", moved);
  expect(result.code).toBe(0);
  expect(printed(result)).not.toMatch(steering);
  expect(result.stderr).toContain(`the run was trained on ${shown} until now, this is`);
  expect(result.stderr).toContain("\\u{202e}gnp.");
  expect(result.stdout).toContain("\\u{9b}31m");
});

test("a generator file's credit, a grid's name, and an error of the file system", async () => {
  const state = decodeSafetensors(readFileSync(checkpoint(good)));
  const file = join(folder, `cats ${evil}.safetensors`);
  mkdirSync(dirname(file), { recursive: true });
  expect((await run("export", good, file)).code).toBe(0);
  const { tensors, metadata } = decodeSafetensors(readFileSync(file));
  const results = [await run("sample", file, "--out", join(folder, `drawn ${evil}.png`))];
  expect(results[0].code).toBe(0);
  for (const key of ["credit", "generator", "step"]) {
    writeFileSync(file, encodeSafetensors(tensors, { ...metadata, [key]: evil }));
    results.push(await run("sample", file, "--out", join(folder, "x.png")));
  }
  const dir = changed("grids", () => state);
  writeFileSync(join(dir, "samples", "step-000003.png"), "torn");
  results.push(await run("timelapse", dir), await run("sample", join(folder, evil)), await run(evil));
  for (const result of results) {
    expect(printed(result)).not.toMatch(steering);
    expect(printed(result).length).toBeGreaterThan(0);
  }
});

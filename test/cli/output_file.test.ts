import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { PNG } from "pngjs";
import { beforeAll, expect, test, vi } from "vitest";
import { checkOutput } from "../../src/cli/output_file.ts";
import { eventsOf, run, temporaryFolder, writePictures } from "./program.ts";

// One device for all commands.
vi.mock("../../src/cli/adapter.ts", async (original) =>
  (await import("../shared_device.ts")).withSharedDevice(await original()),
);

/** Which call on a new file fails. */
const failing = vi.hoisted(() => ({ call: null as "open" | "write" | "close" | null, error: new Error() }));
vi.mock("node:fs/promises", async (original) => {
  const fs = await original<typeof import("node:fs/promises")>();
  const open: typeof fs.open = async (path, flags, mode) => {
    if (flags !== "wx" || failing.call === null) return await fs.open(path, flags, mode);
    if (failing.call === "open") throw failing.error;
    const file = await fs.open(path, flags, mode);
    const close = file.close.bind(file);
    if (failing.call === "write") file.writeFile = () => Promise.reject(failing.error);
    else file.close = () => close().then(() => Promise.reject(failing.error));
    return file;
  };
  return { ...fs, open };
});

const folder = temporaryFolder();
const at = (path: string) => join(folder, path);
const small = "--preset tiny --size 16 --base 4 --base-d 4 --batch 4 --z 8 --steps 2 --seed 5".split(" ");

beforeAll(async () => {
  writePictures(at("photos"), 16);
  const trained = await run("train", ...small, "--augment", "color", "--data", at("photos"), "--out", at("run"));
  expect(trained).toMatchObject({ code: 0, stderr: "" });
  expect((await run("export", at("run"), at("cats.safetensors"))).code).toBe(0);
  writeFileSync(at("letter.png"), "not ours");
  writeFileSync(at("letter.gif"), "GIF89a, not ours");
  copyFileSync(at("photos/cat0.png"), at("other.png"));
  writeFileSync(at("other.png"), PNG.sync.write(PNG.sync.read(readFileSync(at("other.png")))));
  copyFileSync("test/fixtures/dcgan_plain.safetensors", at("other.safetensors"));
  linkSync(at("cats.safetensors"), at("hard.safetensors"));
  symlinkSync(at("cats.safetensors"), at("soft.safetensors"));
  linkSync(at("run/samples/step-000002.png"), at("hard.png"));
  symlinkSync(at("run/reals.png"), at("reals-link.png"));
  symlinkSync(at("run/samples"), at("samples-link"));
  symlinkSync(at("nowhere"), at("dangling.png"));
  mkdirSync(at("folder.png"));
});

/** Every file below the folder, with its bytes; links to folders and to nowhere as such. */
function files(): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  const content = (path: string) =>
    statSync(path, { throwIfNoEntry: false })?.isFile() ? readFileSync(path, "base64") : "link";
  return Object.fromEntries(paths.map((path) => [path, content(path)]));
}

const checkpoint = "run/checkpoints/step-000002.safetensors";
const sampled = (out: string, ...more: string[]) => ["sample", at("run"), "--out", at(out), ...more];
const filmed = (out: string, ...more: string[]) => ["timelapse", at("run"), "--out", at(out), ...more];
const exported = (from: string, out: string, ...more: string[]) => ["export", at(from), at(out), ...more];
const nearest = (out: string, ...more: string[]) => ["evaluate", at("run"), "--nearest", at(out), ...more];
const reads = /the command reads \S+; choose another place/;
const runs = /this file belongs to the run in \S+; choose another name/;
const training = /only training writes to \S+(samples|checkpoints); choose another folder/;
const foreign = /catgan did not write the file that is there; choose another name, or replace it with --force/;

test.each<[what: string, words: () => string[], message: RegExp]>([
  ["the checkpoint itself", () => exported(checkpoint, checkpoint, "--force"), training],
  ["the generator file itself", () => exported("cats.safetensors", "cats.safetensors", "--force"), reads],
  ["a hard link to it", () => exported("cats.safetensors", "hard.safetensors", "--force"), reads],
  ["a link to it", () => exported("cats.safetensors", "soft.safetensors", "--force"), reads],
  ["from a link to it", () => exported("soft.safetensors", "cats.safetensors", "--force"), reads],
  ["a checkpoint's neighbour", () => exported("cats.safetensors", "run/checkpoints/best.safetensors"), training],
  ["a run's grid", () => sampled("run/samples/step-000002.png", "--force"), training],
  ["a new file among a run's grids", () => sampled("samples-link/new.png"), training],
  ["a hard link to a grid of the run", () => sampled("hard.png", "--force"), reads],
  ["a run's reals.png", () => sampled("run/reals.png", "--force"), runs],
  ["a link to it", () => sampled("reals-link.png", "--force"), runs],
  ["a run's augmented.png", () => nearest("run/augmented.png"), runs],
  ["a run's config.json", () => filmed("run/config.json", "--force"), runs],
  ["a run's losses.csv", () => exported("run", "run/losses.csv", "--force"), runs],
  ["a picture of the set", () => nearest("photos/cat3.png", "--force"), reads],
  ["a new picture in the set", () => nearest("photos/new.png"), reads],
  ["someone's PNG", () => sampled("other.png"), foreign],
  ["someone's text", () => nearest("letter.png"), foreign],
  ["someone's GIF", () => filmed("letter.gif"), foreign],
  ["someone's safetensors", () => exported("run", "other.safetensors"), foreign],
  ["a link to nowhere", () => sampled("dangling.png"), foreign],
  ["a folder", () => sampled("folder.png", "--force"), /it is a folder/],
  ["a grid as JPEG", () => sampled("cats.jpg"), /expected a name that ends in \.png/],
  ["a walk as PNG", () => sampled("walk.png", "--walk"), /expected a name that ends in \.gif/],
  ["a time-lapse as MP4", () => filmed("film.mp4"), /expected a name that ends in \.gif/],
  ["a generator as .pt", () => exported("run", "cats.pt"), /expected a name that ends in \.safetensors/],
  ["a missing folder", () => sampled("no/cats.png"), /cannot write \S+: no such file or folder/],
])("%s is not written: one line, exit code 2, every file as it was", async (_, words, message) => {
  const before = files();
  const { code, stdout, stderr } = await run(...words());
  expect(stderr).toMatch(/^catgan: cannot write [^\n]+\n$/);
  expect(stderr).toMatch(message);
  expect([code, stdout]).toEqual([2, ""]);
  expect(files()).toEqual(before);
});

const replaced: [file: string, words: (...more: string[]) => string[]][] = [
  ["mine.png", (...more) => sampled("mine.png", ...more)],
  ["walk.gif", (...more) => sampled("walk.gif", "--walk", "--stops", "2", "--fps", "2", ...more)],
  ["film.gif", (...more) => filmed("film.gif", ...more)],
  ["new.safetensors", (...more) => exported("run", "new.safetensors", ...more)],
  ["run/near.PNG", (...more) => nearest("run/near.PNG", "--n", "6", ...more)],
];

test.each(replaced)("%s: what catgan wrote is replaced, and with --force what others wrote", async (file, words) => {
  expect(await run(...words())).toMatchObject({ code: 0, stderr: "" });
  const written = readFileSync(at(file));
  expect(await run(...words())).toMatchObject({ code: 0, stderr: "" });
  writeFileSync(at(file), "someone's");
  expect(await run(...words("--force"))).toMatchObject({ code: 0, stderr: "" });
  expect(readFileSync(at(file)).equals(written)).toBe(true);
});

test("by default the film lies in the run's folder, and is replaced there", async () => {
  for (let times = 0; times < 2; times++) {
    const film = await run("timelapse", at("run"), "--json");
    expect(eventsOf(film)).toMatchObject([{ event: "timelapse", path: at("run/timelapse.gif") }]);
  }
});

test("a PNG, a GIF and a generator say in themselves that catgan wrote them", () => {
  expect(readFileSync(at("photos/cat0.png"), "latin1")).toContain("tEXtSoftware\0catgan");
  expect(PNG.sync.read(readFileSync(at("photos/cat0.png"))).width).toBe(20);
  expect(readFileSync(at("film.gif"), "latin1")).toContain("\x21\xfe\x06catgan\0");
});

test.runIf(existsSync("/dev/full"))("a device is never replaced", async () => {
  const output = { path: at("device.png"), extension: ".png", inputs: [], force: true } as const;
  symlinkSync("/dev/full", output.path);
  await expect(checkOutput(output)).rejects.toThrow("it is not a regular file");
});

test.each([
  ["ENOSPC", "no space is left on the disk; what was written before is intact"],
  ["EROFS", "the file system is read-only"],
  ["EACCES", "permission denied"],
])("%s is reported before the work", async (code, reason) => {
  const output = { path: at("early.png"), extension: ".png", inputs: [], force: false } as const;
  const full = Object.assign(new Error(code), { code });
  for (const call of ["open", "write", "close"] as const) {
    failing.call = call;
    failing.error = full;
    try {
      await expect(checkOutput(output), call).rejects.toThrow(`cannot write ${output.path}: ${reason}`);
    } finally {
      failing.call = null;
    }
    expect(readdirSync(folder).filter((name) => name.startsWith("early"))).toEqual([]);
  }
  await checkOutput(output);
  expect(existsSync(output.path)).toBe(false);
});

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { encodePng } from "../../src/cli/png.ts";
import { samplePath } from "../../src/cli/run_paths.ts";
import { enlargedGrid, pictureGrid } from "../../src/data/grid.ts";
import type { Pictures } from "../../src/data/pictures.ts";
import { decodeGif } from "../data/gif_decoder.ts";
import { eventsOf, run, temporaryFolder } from "./program.ts";

const folder = temporaryFolder();
const size = 16;
const steps = [4, 8, 120];
/** Every picture of a step's grid has a colour of its own. */
const colour = (step: number, n: number): number[] => [step + 40, 10 * n, 200];

/** A run's folder as far as its grids go: 3×3 pictures, enlarged. */
function makeRun(name: string): string {
  const dir = join(folder, name);
  mkdirSync(join(dir, "samples"), { recursive: true });
  writeFileSync(join(dir, "config.json"), JSON.stringify({ config: { size } }));
  for (const step of steps) writeFileSync(samplePath(dir, step), encodePng(enlargedGrid(pictures(step))));
  return dir;
}

function pictures(step: number): Pictures {
  const pixels = Uint8Array.from({ length: 9 * size * size * 3 }, (_, i) => {
    return colour(step, Math.floor(i / (3 * size * size)))[i % 3];
  });
  return { size, count: 9, pixels };
}

/** The colour in the middle of a picture of a frame whose pixels stand for one of `factor`. */
function middle({ width, rgb }: { width: number; rgb: number[][] }, column: number, row: number, factor: number) {
  const at = (place: number) => (2 + place * (size + 2) + size / 2) * factor;
  return rgb[at(row) * width + at(column)];
}

test("a run's grids become a film, in order, with their steps below", async () => {
  const dir = makeRun("run");
  // What a run that is going on may leave at this moment, and what is no grid.
  writeFileSync(`${samplePath(dir, 160)}.77.tmp`, "torn");
  writeFileSync(join(dir, "samples", "notes.txt"), "mine");
  const made = await run("timelapse", dir, "--fps", "10", "--json");
  expect(made).toMatchObject({ code: 0, stderr: "" });
  const path = join(dir, "timelapse.gif");
  const bytes = readFileSync(path);
  expect(eventsOf(made)).toEqual([{ event: "timelapse", path, frames: 3, steps: 120, bytes: bytes.length }]);
  const frames = decodeGif(bytes);
  expect(frames.map(({ delay }) => delay)).toEqual([10, 10, 250]);
  // Grids are written seven times as large as their pixels; a film of them is four times as large.
  const side = 4 * (3 * 18 + 2);
  for (const [f, frame] of frames.entries()) {
    expect([frame.width, frame.height]).toEqual([side, side + 9]);
    for (const n of [0, 4, 8]) expect(middle(frame, n % 3, Math.floor(n / 3), 4)).toEqual(colour(steps[f], n));
  }
  const below = frames.map(({ rgb }) => rgb.slice(side * side).map(([r]) => r > 100));
  // The dots of "step 4".
  expect(below[0].filter(Boolean)).toHaveLength(43);
  expect(below[0]).not.toEqual(below[1]);
});

test("a part of the grids, to another file", async () => {
  const out = join(folder, "part.gif");
  const { code, stdout } = await run("timelapse", makeRun("parted"), "--grid", "2x1", "--out", out);
  expect(code).toBe(0);
  expect(stdout).toContain("3 grids up to step 120, 0.0 MB: ");
  const [frame] = decodeGif(readFileSync(out));
  // 2·18 + 2 pixels, enlarged to about 480.
  expect([frame.width, frame.height]).toEqual([12 * 38, 12 * 20 + 2 * 9]);
  expect([middle(frame, 0, 0, 12), middle(frame, 1, 0, 12)]).toEqual([colour(4, 0), colour(4, 1)]);
});

test("a grid that cannot be read, or is of another size, is left out and named", async () => {
  const dir = makeRun("damaged");
  writeFileSync(samplePath(dir, 8), "no picture");
  writeFileSync(samplePath(dir, 9), encodePng(pictureGrid(pictures(9))));
  const { code, stderr, stdout } = await run("timelapse", dir);
  expect(code).toBe(0);
  expect(stdout).toContain("2 grids up to step 120");
  expect(stderr).toMatch(
    /^catgan: warning: \S+step-000008\.png is left out: [^\n]+\ncatgan: warning: \S+step-000009\.png is left out: it is 56×56 pixels, the first is 392×392\n$/,
  );
  for (const step of [4, 9, 120]) rmSync(samplePath(dir, step));
  const none = await run("timelapse", dir, "--out", join(folder, "none.gif"));
  expect(none.code).toBe(2);
  expect(none.stderr).toContain("damaged: none of its 1 sample grids can be read");
  expect(existsSync(join(folder, "none.gif"))).toBe(false);
});

test("not a run, no grid, or fewer pictures: one line, exit code 2, nothing written", async () => {
  const [dir, empty, bare] = [makeRun("small"), makeRun("empty"), makeRun("bare")];
  for (const step of steps) rmSync(samplePath(empty, step));
  rmSync(join(bare, "config.json"));
  const bad: [words: string[], message: RegExp][] = [
    [[join(folder, "nowhere")], /nowhere\/samples: no such file or folder/],
    [[empty], /empty: there is no sample grid in it yet/],
    [[bare], /bare: not a run's folder: \S+config\.json does not say how large its pictures are/],
    [[dir, "--grid", "4x1"], /--grid 4x1: the run's grids are 3x3/],
    [[dir, "--out", join(folder, "no", "film.gif")], /cannot write \S+: no such file or folder/],
  ];
  for (const [words, message] of bad) {
    const { code, stdout, stderr } = await run("timelapse", ...words);
    expect(stderr).toMatch(/^catgan: [^\n]+\n$/);
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([2, ""]);
  }
  expect(readdirSync(dir).sort()).toEqual(["config.json", "samples"]);
});

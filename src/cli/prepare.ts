/** `catgan prepare`: turns a folder or a zip of photographs into square pictures of one size, which training reads fast. */
import { createHash } from "node:crypto";
import { basename, join, resolve } from "node:path";
import { version } from "../../package.json";
import { enlargedGrid } from "../data/grid.ts";
import { differenceHash, maxDistance, NearDuplicates } from "../data/near_duplicates.ts";
import {
  findPhotographs,
  NoPictures,
  type OnLooking,
  printable,
  type Refused,
  readEach,
  type Square,
} from "../data/photographs.ts";
import { preparedFiles } from "../data/prepared.ts";
import { groupRefusals } from "../data/refusals.ts";
import { purposes } from "../random/noise_key.ts";
import { uniform } from "../random/philox.ts";
import type { PrepareCommand } from "./commands/prepare.ts";
import { decodePicture, picturesInFlight } from "./decode.ts";
import { explained } from "./files.ts";
import { type Source, withSource } from "./photographs.ts";
import { encodePng, encodeRgbPng } from "./png.ts";
import { checkPreparedFolder, PreparedFolder } from "./prepared_folder.ts";
import { commandLine, duration, grouped, Reporter } from "./progress.ts";
import { StopRequest } from "./stop.ts";

/** Pictures on the contact sheet, at most. */
const sheetPictures = 100;
/** Milliseconds between two progress messages. */
const wordEvery = 500;

/**
 * Reads pictures one by one and keeps none of them in memory.
 * @returns the exit code: 0 when the folder is complete, 128 + the signal's number when it was interrupted
 * @throws UserError for anything that the user can fix; nothing is left behind then
 */
export async function prepareCommand(options: PrepareCommand): Promise<number> {
  const { source, out, json } = options;
  const reporter = new Reporter(process.stdout, json);
  await checkPreparedFolder(out, source);
  const stop = new StopRequest(() => {});
  let spoken = performance.now();
  const onLooking: OnLooking = (done, total) => {
    stop.signal.throwIfAborted();
    if (performance.now() - spoken < wordEvery) return;
    spoken = performance.now();
    reporter.looking(done, total);
    reporter.event({ event: "looking", done, total });
  };
  const work = async (opened: Source) => {
    const folder = await PreparedFolder.create(out);
    try {
      return await explained(`cannot write ${out}`, () =>
        prepare(opened, folder, { ...options, onLooking }, reporter, stop.signal),
      );
    } finally {
      await folder.discard();
    }
  };
  try {
    return await withSource(source, work, onLooking);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    reporter.event({ event: "end", out: null, stopped: true });
    reporter.line("  Stopped: nothing was written.");
    return stop.exitCode;
  } finally {
    reporter.clear();
    stop.dispose();
  }
}

async function prepare(
  { candidates }: Source,
  folder: PreparedFolder,
  options: PrepareCommand & { onLooking: OnLooking },
  reporter: Reporter,
  signal: AbortSignal,
): Promise<number> {
  const { source, out, size, fit, seed, dropDuplicates } = options;
  const settings = { size, fit, dropDuplicates, seed };
  const began = performance.now();
  reporter.event({ event: "start", source, out, ...settings });
  const found = await findPhotographs(candidates, options.onLooking);
  const set = new PictureSet(folder, size, dropDuplicates);
  let spoken = began;
  const refusals = await readEach(
    found,
    {
      size,
      fit,
      decode: decodePicture,
      inFlight: picturesInFlight,
      onProgress(done, total) {
        signal.throwIfAborted();
        if (performance.now() - spoken < wordEvery) return;
        spoken = performance.now();
        reporter.preparing(`${grouped(done)} of ${grouped(total)} pictures`, done, total);
        reporter.event({ event: "progress", done, total });
      },
    },
    (index, picture) => set.add(printable(found[index].picture.name), picture),
  );
  const refused: Refused[] = [];
  for (const [index, reason] of refusals.entries()) {
    if (reason !== null) refused.push({ name: printable(found[index].picture.name), reason });
  }
  if (set.count === 0) throw new NoPictures(candidates.length, refused);
  folder.finishPictures();

  const facts = {
    pictures: set.facts(),
    refused: {
      count: refused.length,
      reasons: groupRefusals(refused).map(({ reason, files }) => ({
        reason,
        count: files.length,
        files: files.map(({ name }) => name),
      })),
    },
    duplicates: set.duplicateFacts(),
  };
  const report = { catgan: version, source: basename(resolve(source)), settings, ...facts };
  await folder.finish({
    report: `${JSON.stringify(report, null, 2)}\n`,
    duplicates: set.duplicateList(),
    contactSheet: await contactSheet(folder.zipPath, size, seed),
  });
  reporter.event({ event: "end", out, stopped: false, ...facts });
  tell(reporter, out, size, facts, (performance.now() - began) / 1000);
  return 0;
}

/** Writes the pictures, and keeps what the report needs. */
class PictureSet {
  /** How many were written. */
  count = 0;
  private faces = 0;
  private notSquare = 0;
  private grey = 0;
  private readonly pixels = createHash("sha256");
  /** The names of all pictures, including those dropped as duplicates. */
  private readonly names: string[] = [];
  private readonly nearDuplicates = new NearDuplicates();
  /** The first's number → the others of its group. */
  private readonly groups = new Map<number, { name: string; distance: number }[]>();

  constructor(
    private readonly folder: PreparedFolder,
    private readonly size: number,
    private readonly dropDuplicates: boolean,
  ) {}

  add(name: string, { rgb, face, square }: Square): void {
    const number = this.names.push(name) - 1;
    const { first, distance } = this.nearDuplicates.add(differenceHash(rgb, this.size));
    if (first !== number) {
      const others = this.groups.get(first);
      if (others) others.push({ name, distance });
      else this.groups.set(first, [{ name, distance }]);
      if (this.dropDuplicates) return;
    }
    this.count++;
    if (face) this.faces++;
    if (!square) this.notSquare++;
    if (isGrey(rgb)) this.grey++;
    this.pixels.update(rgb);
    // The extension stays: a.jpg and a.png are different pictures.
    this.folder.addPicture(`${name}.png`, encodeRgbPng({ width: this.size, height: this.size, rgb }));
  }

  facts() {
    const { count, faces, notSquare, grey } = this;
    return { count, faces, notSquare, grey, sha256: this.pixels.digest("hex") };
  }

  duplicateFacts() {
    const others = [...this.groups.values()].reduce((sum, group) => sum + group.length, 0);
    return { maxDistance, groups: this.groups.size, others, dropped: this.dropDuplicates ? others : 0 };
  }

  /**
   * One paragraph per group: its first picture, then the others with the number of bits in which their hashes differ
   * from it.
   */
  duplicateList(): string {
    const groups = [...this.groups].sort(([a], [b]) => a - b);
    return groups
      .map(([first, others]) =>
        [{ name: this.names[first], distance: 0 }, ...others]
          .map(({ name, distance }) => `${distance}  ${name}\n`)
          .join(""),
      )
      .join("\n");
  }
}

function isGrey(rgb: Uint8Array): boolean {
  for (let at = 0; at < rgb.length; at += 3) {
    if (rgb[at] !== rgb[at + 1] || rgb[at] !== rgb[at + 2]) return false;
  }
  return true;
}

/** A contact sheet read back from the zip: the set is cut into equal parts, and one picture is chosen from each. */
async function contactSheet(zip: string, size: number, seed: number): Promise<Uint8Array> {
  return await withSource(zip, async ({ candidates }) => {
    const count = Math.min(candidates.length, sheetPictures);
    const places = uniform(count, { seed, purpose: purposes.preview, step: 0 }, 0, 1);
    const pixels = new Uint8Array(count * size * size * 3);
    for (const [i, place] of places.entries()) {
      const [from, end] = [i, i + 1].map((part) => Math.floor((part * candidates.length) / count));
      const { rgb } = await decodePicture(await candidates[from + Math.floor(place * (end - from))].read());
      pixels.set(rgb, i * size * size * 3);
    }
    return encodePng(enlargedGrid({ size, count, pixels }));
  });
}

const trainWith: Record<number, string[]> = {
  16: ["--preset", "tiny", "--size", "16"],
  32: ["--preset", "tiny"],
  64: ["--preset", "steady"],
  128: ["--preset", "steady128"],
};

interface Facts {
  pictures: ReturnType<PictureSet["facts"]>;
  refused: { count: number; reasons: { reason: string; count: number }[] };
  duplicates: ReturnType<PictureSet["duplicateFacts"]>;
}

function tell(reporter: Reporter, out: string, size: number, facts: Facts, seconds: number): void {
  const { count, faces, notSquare, grey } = facts.pictures;
  const { groups, others, dropped } = facts.duplicates;
  const places = (file: keyof typeof preparedFiles) => join(out, preparedFiles[file]);
  reporter.line();
  reporter.fact("pictures", `${grouped(count)} of ${size}×${size}, in ${duration(seconds)}`);
  if (faces > 0) reporter.fact("faces", `${grouped(faces)} cropped by landmarks`);
  if (notSquare > 0) reporter.fact("not square", `${grouped(notSquare)} before cropping or stretching`);
  if (grey > 0) reporter.fact("grey", `${grouped(grey)} without colour`);
  if (facts.refused.count > 0)
    reporter.fact("refused", `${grouped(facts.refused.count)}, named in ${places("report")}`);
  for (const reason of facts.refused.reasons) reporter.fact("", `${grouped(reason.count)} × ${reason.reason}`);
  if (groups > 0) {
    const fate = dropped > 0 ? "left out" : "kept (--drop-duplicates leaves them out)";
    reporter.fact(
      "duplicates",
      `${grouped(others)} nearly the same as one of ${grouped(groups)} earlier ones, ${fate}: ${places("duplicates")}`,
    );
  }
  reporter.line();
  reporter.line(`  Look:   ${reporter.bold(places("contactSheet"))}`);
  reporter.line(`  Train:  ${commandLine("train", "--data", out, ...trainWith[size])}`);
}

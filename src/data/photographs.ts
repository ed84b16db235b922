/** From files that may be photographs to square pictures of one size. Where the files are, and who decodes, is the caller's. */
import type { Later } from "./inflate.ts";
import { type Picture, pictureFormat } from "./picture_file.ts";
import type { Pictures } from "./pictures.ts";
import { resizeRgb } from "./resize.ts";

/** How photographs that are not square become square, see {@link resizeRgb}. */
export type Fit = "crop" | "stretch";

/** A file of a folder or an entry of a zip. Reading throws an Error that says in one line why it cannot be read. */
export interface Candidate {
  /** Path inside the folder or the zip, with slashes. */
  name: string;
  /** What reading it takes, in memory. */
  bytes: number;
  /** Its first bytes, at least 8 where it has them. */
  beginning(): Later<Uint8Array>;
  read(): Later<Uint8Array>;
}

/** A file that should have been a picture, and why it is not here. */
export interface Refused {
  name: string;
  reason: string;
}

export interface Photographs {
  /** In the order of their paths (by UTF-16 code units), so that every machine sees the same data set. */
  pictures: Pictures;
  /** The paths inside the folder or the zip, one a picture. */
  names: string[];
  /** In the order of their paths, too. */
  skipped: Refused[];
  /** How many of the photographs were not square, and so were cropped or stretched. */
  notSquare: number;
}

export interface Reading {
  /** Height and width of the pictures, in pixels. */
  size: number;
  fit: Fit;
  /** @throws Error that says in one line what is wrong with the file */
  decode(bytes: Uint8Array): Later<Picture>;
  /** So many files are read and decoded at a time. */
  inFlight: number;
  /** The pictures may take so many bytes. */
  maxBytes: number;
  /** Is called after every file. */
  onProgress?(done: number, total: number): void;
  /** Is called with every picture, in any order. @param rgb [size, size, 3] @param square as it was read */
  onPicture?(index: number, rgb: Uint8Array, square: boolean): void;
}

/** There is nothing to learn from. */
export class NoPictures extends Error {
  constructor(
    files: number,
    readonly skipped: Refused[],
  ) {
    const first =
      skipped.length > 0 ? `; the first of ${skipped.length} skipped: ${skipped[0].name}: ${skipped[0].reason}` : "";
    super(`no JPEG or PNG pictures among ${files} files (hidden ones not counted)${first}`);
  }
}

export const maxFiles = 1_000_000;
const maxFileBytes = 64 * 2 ** 20;
/** Files named so should be pictures: where they are not, or of a kind that is not read, the user hears of it. */
const pictureName = /\.(jpe?g|jpe|jfif|png|apng|gif|webp|bmp|tiff?|hei[cf]|avif|jxl)$/i;

/** Not looked at: what systems put beside people's files. */
export const isHidden = (entry: string) => entry.startsWith(".") || entry === "__MACOSX";

/** Names in zips may hold anything, also what moves a terminal's cursor. */
export const printable = (text: string) => text.replace(/\p{Cc}/gu, "?");

/** An error's reason, on one line. */
export const reasonOf = (error: unknown) => printable((error as Error).message.split("\n")[0]);

/**
 * Reads all JPEG and PNG pictures, known by their first bytes. A picture that cannot be read is skipped, never fatal.
 * Memory: the pictures, which are allocated at once, and the files in flight; the pictures once more for a moment where
 * some were skipped.
 * @throws NoPictures
 * @throws Error more pictures than there is room for
 */
export async function readPhotographs(candidates: Candidate[], reading: Reading): Promise<Photographs> {
  const { size, onProgress } = reading;
  const expected = await picturesAmong(candidates);
  const pictureBytes = size * size * 3;
  const room = Math.floor(reading.maxBytes / pictureBytes);
  if (expected.length > room) {
    throw new Error(
      `${expected.length} pictures of ${size}×${size} do not fit in ${reading.maxBytes / 2 ** 30} GiB: ` +
        `take at most ${room} of them, or a smaller size`,
    );
  }
  let pixels = new Uint8Array(expected.length * pictureBytes);
  const refusals: (string | null)[] = new Array(expected.length).fill(null);
  let [next, done, notSquare] = [0, 0, 0];
  let yielded = performance.now();
  const work = async () => {
    while (next < expected.length) {
      const index = next++;
      try {
        const { rgb, width, height } = await reading.decode(await read(expected[index]));
        const picture = resizeRgb(rgb, width, height, size, reading.fit);
        pixels.set(picture, index * pictureBytes);
        if (width !== height) notSquare++;
        reading.onPicture?.(index, picture, width === height);
      } catch (error) {
        refusals[index] = reasonOf(error);
      }
      onProgress?.(++done, expected.length);
      // Resizing takes its time: now and then signals, messages and progress bars get their turn.
      if (performance.now() - yielded > 50) {
        await new Promise((resolve) => setTimeout(resolve));
        yielded = performance.now();
      }
    }
  };
  await Promise.all(Array.from({ length: reading.inFlight }, work));

  const names: string[] = [];
  const skipped: Refused[] = [];
  for (const [index, candidate] of expected.entries()) {
    const name = printable(candidate.name);
    const reason = refusals[index];
    if (reason !== null) skipped.push({ name, reason });
    else {
      // What was skipped has left a gap: the pictures behind it move up.
      if (skipped.length > 0)
        pixels.copyWithin(names.length * pictureBytes, index * pictureBytes, (index + 1) * pictureBytes);
      names.push(name);
    }
  }
  if (names.length === 0) throw new NoPictures(candidates.length, skipped);
  if (skipped.length > 0) pixels = pixels.slice(0, names.length * pictureBytes);
  return { pictures: { size, count: names.length, pixels }, names, skipped, notSquare };
}

/** What is a picture, or is named like one and so must be or be spoken of; in the order of the paths. */
async function picturesAmong(candidates: Candidate[]): Promise<Candidate[]> {
  const found: Candidate[] = [];
  for (const candidate of candidates) {
    if (pictureName.test(candidate.name) || (await beginsLikePicture(candidate))) found.push(candidate);
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

async function beginsLikePicture(candidate: Candidate): Promise<boolean> {
  try {
    return pictureFormat(await candidate.beginning()) !== null;
  } catch {
    return false;
  }
}

async function read(candidate: Candidate): Promise<Uint8Array> {
  if (candidate.bytes > maxFileBytes) {
    throw new Error(`${Math.ceil(candidate.bytes / 2 ** 20)} MiB: pictures may have at most ${maxFileBytes / 2 ** 20}`);
  }
  const bytes = await candidate.read();
  if (bytes.length === 0) throw new Error("empty file");
  return bytes;
}

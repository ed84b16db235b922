/** Turns files that may be photographs into square pictures of one size. The caller provides the files and the decoder. */
import { cropFace, landmarksEnding, parseLandmarks } from "./cat_faces.ts";
import { digestBytes, identityOf, sha256 } from "./identity.ts";
import type { Later } from "./inflate.ts";
import { type Picture, pictureFormat } from "./picture_file.ts";
import type { Pictures } from "./pictures.ts";
import { resizeRgb } from "./resize.ts";
import { turns } from "./turns.ts";

/** How photographs that are not square become square, see {@link resizeRgb}. */
export type Fit = "crop" | "stretch";

/** A file of a folder or an entry of a zip. Reading throws an Error that says in one line why it cannot be read. */
export interface Candidate {
  /** Path inside the folder or the zip, with slashes. */
  name: string;
  /** Memory that reading it takes; null if not known yet, in which case reading checks it (`checkFileBytes`). */
  bytes: number | null;
  /** Its first bytes, at least `beginningBytes` (picture_file.ts) where it has them. */
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
  /** The paths inside the folder or the zip, one per picture. */
  names: string[];
  /** Also in the order of their paths. */
  skipped: Refused[];
  /** How many of the pictures were cut out of a photograph by its landmarks. */
  faces: number;
  /** How many of the photographs (or faces, cut off at an edge) were not square, and so were cropped or stretched. */
  notSquare: number;
}

/** A file that is a picture or is named like one. */
export interface Found {
  picture: Candidate;
  /** Where the cat's face is; "missing" if only other files in its folder have landmarks. */
  landmarks: Candidate | "missing" | null;
}

/** A picture at the size that was asked for. */
export interface Square {
  /** [size, size, 3] */
  rgb: Uint8Array;
  /** It was cut out by its landmarks. */
  face: boolean;
  /** It was square before; a face: all of it is in the photograph. */
  square: boolean;
  /** The files' part in the set's identity (identity.ts). */
  digest: Uint8Array;
}

/** How to read files. */
export interface Reading {
  /** Height and width of the pictures, in pixels; smaller pictures are refused. */
  size: number;
  fit: Fit;
  /** @throws a one-line Error that says what is wrong with the file */
  decode(bytes: Uint8Array): Later<Picture>;
  /** How many files are read and decoded at a time. */
  inFlight: number;
  /** Called after every file; an error that it throws ends the reading. */
  onProgress?(done: number, total: number): void;
}

/**
 * Called from time to time during the search for pictures; an error that it throws ends the search.
 * @param total null while files are being found (`done` so far); then the number of files to classify
 */
export type OnLooking = (done: number, total: number | null) => void;

export interface ReadingAll extends Reading {
  /** Limit of the pictures' size in memory, in bytes. */
  maxBytes: number;
  onLooking?: OnLooking;
  /** Called with every picture and its index among the files that should be pictures, in order. */
  onPicture?(index: number, picture: Square): void;
}

/** There is nothing to learn from. */
export class NoPictures extends Error {
  constructor(
    files: number,
    readonly skipped: Refused[],
  ) {
    const first =
      skipped.length > 0 ? `; the first of ${skipped.length} skipped: ${skipped[0].name}: ${skipped[0].reason}` : "";
    super(`no pictures among ${files} files (hidden ones not counted)${first}`);
  }
}

export const maxFiles = 1_000_000;
const maxFileBytes = 64 * 2 ** 20;
/** Files with these extensions should be pictures: if they cannot be used, the user is told. */
const pictureName = /\.(jpe?g|jpe|jfif|png|apng|gif|webp|bmp|tiff?|hei[cf]|avif|jxl)$/i;
/** Files with these extensions are not pictures: one that cannot be read is not reported as a lost picture. */
const otherName =
  /\.(txt|md|csv|tsv|jsonl?|ya?ml|xml|html?|css|js|py|sh|log|ini|db|pdf|zip|tar|t?gz|7z|rar|mp4|mov|avi|mp3)$/i;

/** A file that cannot be read: it counts as a damaged picture, unless its extension says that it is something else. */
export function lostCandidate(name: string, reason: string): Candidate {
  const fail = () => {
    throw new Error(reason);
  };
  return { name, bytes: 0, beginning: fail, read: fail };
}

/** Ignored: files that operating systems create. */
export const isHidden = (entry: string) => entry.startsWith(".") || entry === "__MACOSX";

/** Names in zips may contain anything, including control sequences for terminals. */
export const printable = (text: string) => text.replace(/\p{Cc}/gu, "?");

/** An error's reason, on one line. */
export const reasonOf = (error: unknown) => printable((error as Error).message.split("\n")[0]);

/**
 * Reads all pictures into memory. A picture that cannot be read is skipped, never fatal.
 * Memory: the pictures, which are allocated at once, and the files in flight; briefly the pictures a second time if
 * some were skipped.
 * @throws NoPictures
 * @throws Error more pictures than there is room for
 */
export async function readPhotographs(candidates: Candidate[], reading: ReadingAll): Promise<Photographs> {
  const { size, maxBytes, onPicture } = reading;
  const found = await findPhotographs(candidates, reading.onLooking);
  const pictureBytes = size * size * 3;
  const room = Math.floor(maxBytes / pictureBytes);
  if (found.length > room) {
    throw new Error(
      `${found.length} pictures of ${size}×${size} do not fit in ${maxBytes / 2 ** 30} GiB: ` +
        `take at most ${room} of them, or a smaller size`,
    );
  }
  let pixels = new Uint8Array(found.length * pictureBytes);
  const digests = new Uint8Array(found.length * digestBytes);
  let [faces, notSquare] = [0, 0];
  const refusals = await readEach(found, reading, (index, picture) => {
    pixels.set(picture.rgb, index * pictureBytes);
    digests.set(picture.digest, index * digestBytes);
    if (picture.face) faces++;
    if (!picture.square) notSquare++;
    onPicture?.(index, picture);
  });

  const names: string[] = [];
  const skipped: Refused[] = [];
  for (const [index, { picture }] of found.entries()) {
    const name = printable(picture.name);
    const reason = refusals[index];
    if (reason !== null) skipped.push({ name, reason });
    else {
      // Skipped files leave gaps: the pictures after them move up.
      if (skipped.length > 0) {
        pixels.copyWithin(names.length * pictureBytes, index * pictureBytes, (index + 1) * pictureBytes);
        digests.copyWithin(names.length * digestBytes, index * digestBytes, (index + 1) * digestBytes);
      }
      names.push(name);
    }
  }
  if (names.length === 0) throw new NoPictures(candidates.length, skipped);
  if (skipped.length > 0) pixels = pixels.slice(0, names.length * pictureBytes);
  const kept = digests.subarray(0, names.length * digestBytes);
  const identity = await identityOf(kept, size, notSquare > 0 ? reading.fit : null);
  return { pictures: { size, count: names.length, pixels, identity }, names, skipped, faces, notSquare };
}

/**
 * The files that must be decoded or reported: pictures by their first bytes or by their extension, in the order of their
 * paths.
 */
export async function findPhotographs(candidates: Candidate[], onLooking?: OnLooking): Promise<Found[]> {
  const landmarks = new Map<string, Candidate>();
  const annotated = new Set<string>();
  const pictures: Candidate[] = [];
  const turn = turns();
  for (const [index, candidate] of candidates.entries()) {
    const { name } = candidate;
    if (await turn()) onLooking?.(index, candidates.length);
    if (name.endsWith(landmarksEnding) && pictureName.test(name.slice(0, -landmarksEnding.length))) {
      landmarks.set(name, candidate);
      annotated.add(folderOf(name));
    } else if (pictureName.test(name) || (await mayBePicture(candidate))) pictures.push(candidate);
  }
  return pictures
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .map((picture) => {
      const own = landmarks.get(picture.name + landmarksEnding);
      return { picture, landmarks: own ?? (annotated.has(folderOf(picture.name)) ? "missing" : null) };
    });
}

/**
 * Reads the files in order, several at a time, and keeps none: memory is that of the files in flight, however large the set.
 * @param take called with every picture and its index in `found`, in order, and awaited
 * @returns for each file, why it gave no picture; null if it gave one
 */
export async function readEach(
  found: readonly Found[],
  reading: Reading,
  take: (index: number, picture: Square) => Later<void>,
): Promise<(string | null)[]> {
  const refusals: (string | null)[] = new Array(found.length).fill(null);
  let [next, done] = [0, 0];
  const letOthers = turns();
  let before = Promise.resolve();
  const work = async () => {
    while (next < found.length) {
      const index = next++;
      const turn = before;
      let finish = () => {};
      before = new Promise<void>((resolve) => {
        finish = resolve;
      });
      let picture: Square | null = null;
      try {
        picture = await readSquare(found[index], reading);
      } catch (error) {
        refusals[index] = reasonOf(error);
      }
      // Pictures after a slow one wait for it, each occupying its place in flight.
      await turn;
      if (picture) await take(index, picture);
      reading.onProgress?.(++done, found.length);
      finish();
      // Resizing is slow and synchronous.
      await letOthers();
    }
  };
  await Promise.all(Array.from({ length: reading.inFlight }, work));
  return refusals;
}

async function readSquare({ picture, landmarks }: Found, { decode, size, fit }: Reading): Promise<Square> {
  const bytes = await read(picture);
  if (landmarks === "missing") throw new Error(`no landmarks: no ${landmarksEnding} file next to it`);
  let digest = await sha256(bytes);
  let { rgb, width, height } = await decode(bytes);
  if (landmarks) {
    const points = await read(landmarks);
    digest = await sha256(digest, await sha256(points));
    ({ rgb, width, height } = cropFace({ rgb, width, height }, parseLandmarks(points)));
  }
  if (Math.min(width, height) < size) {
    const what = landmarks ? "a face of " : "";
    throw new Error(`too small: ${what}${width}×${height} pixels, expected at least ${size}×${size}`);
  }
  // Whole numbers of rows and columns: an uncut face's may differ by one.
  const square = Math.abs(width - height) <= (landmarks ? 1 : 0);
  return { rgb: resizeRgb(rgb, width, height, size, fit), face: landmarks !== null, square, digest };
}

const folderOf = (name: string) => name.slice(0, name.lastIndexOf("/") + 1);

/** Decides by its first bytes, or by its name if they cannot be read: reading it then reports why. */
async function mayBePicture(candidate: Candidate): Promise<boolean> {
  try {
    return pictureFormat(await candidate.beginning()) !== null;
  } catch {
    return !otherName.test(candidate.name);
  }
}

/** @throws Error where a file has more bytes than a picture may */
export function checkFileBytes(bytes: number): void {
  if (bytes > maxFileBytes) {
    throw new Error(`${Math.ceil(bytes / 2 ** 20)} MiB: pictures may have at most ${maxFileBytes / 2 ** 20}`);
  }
}

async function read(candidate: Candidate): Promise<Uint8Array> {
  if (candidate.bytes !== null) checkFileBytes(candidate.bytes);
  const bytes = await candidate.read();
  if (bytes.length === 0) throw new Error("empty file");
  return bytes;
}

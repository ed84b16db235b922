/** Reads one set of pictures. Each set gets a new worker, and terminating it cancels the reading. */
import { differenceHash, NearDuplicates } from "../../data/near_duplicates.ts";
import {
  type Fit,
  NoPictures,
  type Photographs,
  type Refused,
  readPhotographs,
  reasonOf,
} from "../../data/photographs.ts";
import { type BroughtFile, openBrought } from "./brought.ts";
import { decodePicture } from "./decode.ts";
import { pictureAt } from "./preview.ts";

export interface ReadRequest {
  files: BroughtFile[];
  /** What could not be opened. */
  lost: Refused[];
  size: number;
  fit: Fit;
  /** How many pictures are shown while the others are read. */
  glimpses: number;
}

export type ReaderMessage =
  | { type: "progress"; done: number; total: number }
  /** One of the first pictures, [size, size, 3], and whether it was square. */
  | { type: "glimpse"; index: number; rgb: Uint8Array; square: boolean }
  /** `duplicates` are pictures nearly the same as an earlier one, which the reason names. */
  | { type: "read"; photographs: Photographs; duplicates: Refused[] }
  | { type: "failed"; message: string; skipped: Refused[] };

/** Maximum size of a set: a run keeps its pictures in memory and in the browser's storage. */
const maxBytes = 2 ** 30;
/** The browser decodes one while another is resized here; more at a time would not be faster. */
const inFlight = 2;
/** Milliseconds between two progress messages. */
const wordEvery = 100;

export async function receive({ files, lost, size, fit, glimpses }: ReadRequest): Promise<void> {
  let spoken = 0;
  try {
    const photographs = await readPhotographs(await openBrought(files, lost), {
      size,
      fit,
      decode: decodePicture,
      inFlight,
      maxBytes,
      onProgress(done, total) {
        const now = performance.now();
        if (now - spoken < wordEvery) return;
        spoken = now;
        say({ type: "progress", done, total });
      },
      onPicture(index, { rgb, square }) {
        if (index < glimpses) say({ type: "glimpse", index, rgb, square });
      },
    });
    const duplicates = nearDuplicates(photographs);
    say({ type: "read", photographs, duplicates }, [photographs.pictures.pixels.buffer]);
  } catch (error) {
    say({ type: "failed", message: reasonOf(error), skipped: error instanceof NoPictures ? error.skipped : [] });
  }
}

function nearDuplicates({ pictures, names }: Photographs): Refused[] {
  const near = new NearDuplicates();
  return names.flatMap((name, n) => {
    const { first } = near.add(differenceHash(pictureAt(pictures, n), pictures.size));
    return first === n ? [] : [{ name, reason: `like ${names[first]}` }];
  });
}

function say(message: ReaderMessage, handed: Transferable[] = []): void {
  self.postMessage(message, { transfer: handed });
}

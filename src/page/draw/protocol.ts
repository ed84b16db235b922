/** What the drawing panel and its worker say to each other: calls, each answered once and in order, and progress. */
import type { Place } from "../../train/walk.ts";

/** A generator that is ready to draw. */
export interface Model {
  /** Height and width of its pictures, in pixels. */
  size: number;
  /** Steps that it was trained. */
  step: number;
  /** Of its run: the cats that the training page shows are this seed's. */
  seed: number;
  /** Whose pictures it learned from, and their licence; null where nothing is said. */
  credit: string | null;
  /** What draws. */
  adapter: string;
}

/** A checkpoint to draw from; `name` is for people. */
export interface OpenCall {
  id: number;
  kind: "open";
  file: Blob;
  name: string;
}

/** Pictures to draw: at most `atOnce`. */
export interface DrawCall {
  id: number;
  kind: "draw";
  places: readonly Place[];
}

/** A few: the page's training has its turn between them. */
export const atOnce = 4;

export type DrawWorkerMessage =
  | { kind: "opened"; id: number; model: Model }
  /** [places, size, size, 3], u8. */
  | { kind: "drawn"; id: number; size: number; pixels: Uint8Array<ArrayBuffer> }
  | { kind: "failure"; id: number; message: string }
  | { kind: "progress"; done: number; total: number };

/** The protocol between the drawing panel and its worker: calls, each answered once and in order, and progress. */
import type { Place } from "../../train/walk.ts";

/** A generator that is ready to draw. */
export interface Model {
  /** Height and width of its pictures, in pixels. */
  size: number;
  /** Steps it was trained for. */
  step: number;
  /** The run's seed, from which the training page's cats are drawn. */
  seed: number;
  /** Whose pictures it learned from, and their licence; null if the file does not say. */
  credit: string | null;
  /** The name of the adapter that draws. */
  adapter: string;
}

/** A checkpoint to draw from; `name` is shown to the user. */
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

/** Few, so that the page's training gets its turn in between. */
export const atOnce = 4;

export type DrawWorkerMessage =
  | { kind: "opened"; id: number; model: Model }
  /** [places, size, size, 3], u8. */
  | { kind: "drawn"; id: number; size: number; pixels: Uint8Array<ArrayBuffer> }
  | { kind: "failure"; id: number; message: string }
  | { kind: "progress"; done: number; total: number };

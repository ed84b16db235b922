/** What the page and the film worker say to each other: the worker asks for frame after frame, then gives the file. */

export type FilmFormat = "video" | "gif";

export interface FilmOrder {
  kind: "make";
  format: FilmFormat;
  /** Height and width of a single picture, in pixels. */
  pictureSize: number;
  /** Milliseconds of a frame, and of the last one. */
  delay: number;
  lastDelay: number;
  /** How wide a picture is in the film, about, in pixels. */
  pictureWidth: number;
}

/** A PNG or the pixels; null after the last. All of one size. */
export interface FilmFrame {
  kind: "frame";
  frame: Blob | ImageData | null;
}

export type FilmWorkerMessage =
  | { kind: "next" }
  /** Its type says what it is: video/mp4, video/webm or image/gif. */
  | { kind: "done"; file: Blob }
  /** A sentence for people. */
  | { kind: "failure"; message: string };

/** The protocol between the page and the film worker: the worker asks for frame after frame, then gives the file. */

export type FilmFormat = "video" | "gif";

export interface FilmOrder {
  kind: "make";
  format: FilmFormat;
  /** Height and width of a single picture, in pixels. */
  pictureSize: number;
  /** How long each frame is shown, and the last one, in milliseconds. */
  delay: number;
  lastDelay: number;
  /** Approximate width of a picture in the film, in pixels. */
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
  /** A sentence for the user. */
  | { kind: "failure"; message: string };

/** The script of all workers, loaded once; a worker's name says what it is for. */
import { receive as draw } from "./draw/draw_worker.ts";
import type { FilmFrame, FilmOrder } from "./film/protocol.ts";
import type { Role } from "./new_worker.ts";
import { receive as read } from "./pictures/reader_worker.ts";
import { receive as train } from "./train/worker.ts";

/** Loaded on demand, because few users need the encoders. */
const film = async (data: FilmOrder | FilmFrame) => (await import("./film/film_worker.ts")).receive(data);
const receive = { train, draw, read, film }[self.name as Role];
self.addEventListener("message", ({ data }) => {
  // A rejection by itself would not reach the page's `onerror`, and the page would wait forever.
  Promise.resolve(receive(data)).catch(reportError);
});

/** The one script of all workers, whose names say what they are for: it is loaded once. */
import { receive as draw } from "./draw/draw_worker.ts";
import type { FilmFrame, FilmOrder } from "./film/protocol.ts";
import type { Role } from "./new_worker.ts";
import { receive as read } from "./pictures/reader_worker.ts";
import { receive as train } from "./train/worker.ts";

/** With all of the encoders, which few need: they are loaded when they are. */
const film = async (data: FilmOrder | FilmFrame) => (await import("./film/film_worker.ts")).receive(data);
const receive = { train, draw, read, film }[self.name as Role];
self.addEventListener("message", ({ data }) => {
  // A rejection by itself would not reach the page's `onerror`, and the page would wait for ever.
  Promise.resolve(receive(data)).catch(reportError);
});

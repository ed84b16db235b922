/** The worker that trains, or the one that draws: as its name says. */
import { receive as draw } from "./draw/draw_worker.ts";
import { receive as train } from "./train/worker.ts";

self.addEventListener("message", ({ data }) => (self.name === "draw" ? draw(data) : train(data)));

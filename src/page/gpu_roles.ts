/** The workers that compute on the GPU share nearly all they are made of: they come as one file. */
export { receive as draw } from "./draw/draw_worker.ts";
export { receive as train } from "./train/worker.ts";

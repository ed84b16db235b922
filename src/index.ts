/**
 * The library: everything but the command line and the page. It runs wherever WebGPU does: browsers, Node, Deno.
 * examples/library.ts trains, saves, loads and draws with it.
 *
 *     const gpu = await Gpu.open(await navigator.gpu.requestAdapter());
 *     const trainer = new Trainer(new Stream(gpu), presets.tiny, paintCats(32, 2048, 1));
 *     await trainer.prepare();
 *     await trainer.trainStep();
 */
export { Batches, fingerprint } from "./data/batches.ts";
export { enlargedGrid, pictureGrid } from "./data/grid.ts";
export type { Image } from "./data/image.ts";
export { paintCat, paintCats } from "./data/painted.ts";
export type { Pictures } from "./data/pictures.ts";
export { resizeRgb } from "./data/resize.ts";
export { describeAdapter, Gpu, type GpuCounts, GpuError, LimitError } from "./gpu/gpu.ts";
export type { Recording } from "./gpu/recording.ts";
export { Stream } from "./gpu/stream.ts";
export { Tensor } from "./gpu/tensor.ts";
export * from "./nn/dcgan.ts";
export * from "./nn/layers.ts";
export * as ops from "./nn/ops.ts";
export { Arena, countParameters, initialise, Trainable } from "./nn/parameters.ts";
export { Tape } from "./nn/tape.ts";
export {
  type CheckpointInfo,
  checkCheckpoint,
  checkpointInfo,
  type Machine,
  type PictureSource,
  type RunState,
} from "./train/checkpoint.ts";
export { type Config, checkConfig, type PresetName, parseConfig, presets } from "./train/config.ts";
export { DivergedError } from "./train/diverged.ts";
export * from "./train/generator_file.ts";
export type { StepRecord } from "./train/loss_ring.ts";
export type { Model } from "./train/model.ts";
export { type Plan, type PlanLimits, planTraining } from "./train/plan.ts";
export { type RunHooks, runTraining, type TimedRecord } from "./train/run.ts";
export { decodeSafetensors, encodeSafetensors, type NamedTensor } from "./train/safetensors.ts";
export { drawPictures, type GpuPictures, Sampler, type SamplerOptions } from "./train/sampler.ts";
export { encodeCheckpoint, restore, saveState } from "./train/save_restore.ts";
export { Trainer } from "./train/trainer.ts";

/**
 * The library: everything but the command line and the page. Runs where WebGPU does: browsers, Node, Deno.
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
export { type Recording, Stream } from "./gpu/stream.ts";
export { Tensor } from "./gpu/tensor.ts";
export * from "./nn/dcgan.ts";
export * as ops from "./nn/ops.ts";
export { Arena, countParameters, initialise, Trainable } from "./nn/parameters.ts";
export { Tape } from "./nn/tape.ts";
export * from "./train/checkpoint.ts";
export { type Config, checkConfig, type PresetName, parseConfig, presets } from "./train/config.ts";
export * from "./train/generator_file.ts";
export { type Plan, type PlanLimits, planTraining } from "./train/plan.ts";
export { type RunHooks, runTraining, type TimedRecord } from "./train/run.ts";
export { decodeSafetensors, encodeSafetensors, type NamedTensor } from "./train/safetensors.ts";
export { type GpuPictures, Sampler, type SamplerOptions } from "./train/sampler.ts";
export { type StepRecord, Trainer } from "./train/trainer.ts";

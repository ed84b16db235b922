/** A network and pictures small enough to train in a test. */
import { paintCats } from "../../src/data/painted.ts";
import { type Config, presets } from "../../src/train/config.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { testStream } from "../kernels/gpu.ts";

export const source = { data: "painted", fit: "crop" } as const;

export const smallConfig: Config = { ...presets.tiny, size: 16, base: 4, baseD: 4, batch: 4, z: 8, steps: 12 };

/** 13 pictures: three batches of 4 an epoch, one picture left over. */
const pictures = paintCats(16, 13, 5);

/** A trainer of its own stream, ready to train. */
export async function smallTrainer(changes: Partial<Config> = {}, others = pictures): Promise<Trainer> {
  const trainer = new Trainer(await testStream(), { ...smallConfig, ...changes }, others);
  await trainer.prepare();
  return trainer;
}

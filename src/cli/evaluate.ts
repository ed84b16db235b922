/** `catgan evaluate`: how like the real pictures a generator's are. */
import { Stream } from "../gpu/stream.ts";
import { type Evaluation, evaluate, splitReals } from "../metrics/evaluation.ts";
import { checkpointInfo, generatorFormat, type PictureSource } from "../train/checkpoint.ts";
import { generatorFrom } from "../train/generator_file.ts";
import { drawPictures } from "../train/sampler.ts";
import { openAdapter } from "./adapter.ts";
import { loadDataSet } from "./data_set.ts";
import { warn, warnOfSkipped } from "./describe.ts";
import type { EvaluateCommand } from "./options.ts";
import { grouped, Reporter } from "./progress.ts";
import { type Checkpoint, readCheckpoint } from "./run_folder.ts";
import { asUserError, UserError } from "./user_error.ts";

/**
 * Prints a table, or with `json` one object.
 * @returns the exit code
 * @throws UserError when the checkpoint or the pictures cannot be used
 */
export async function evaluateCommand(options: EvaluateCommand): Promise<number> {
  const { source, seed, json } = options;
  const checkpoint = await readCheckpoint(source);
  if (checkpoint.warning !== null) warn(checkpoint.warning);
  const reporter = new Reporter(process.stdout, json);
  const gpu = await openAdapter(options.adapter);
  try {
    const stream = new Stream(gpu);
    const artist = asUserError(() => generatorFrom(stream, checkpoint));
    const { architecture, step, seed: paintedSeed } = artist;
    const real = realPictures(options, checkpoint);
    const { data } = real;
    const { pictures, skipped } = await loadDataSet(real, { size: architecture.size, seed: paintedSeed }, reporter);
    warnOfSkipped(skipped);
    const halves = asUserError(() => splitReals(pictures, options.n, seed));
    const n = halves.reals.count;
    const progress = (what: string) => (done: number, total: number) => reporter.preparing(what, done, total);
    const fakes = await drawPictures(stream, artist, { count: n, seed }, progress("drawing"));
    const result = await evaluate(stream, fakes, halves, seed, progress("measuring"));
    reporter.clear();
    reporter.event({ event: "evaluation", adapter: gpu.name, source: checkpoint.path, step, data, n, seed, ...result });
    reporter.line(`  adapter   ${gpu.name}`);
    reporter.line(`  drawn     ${grouped(n)} pictures by ${checkpoint.path}, after ${grouped(step)} steps`);
    const what = data === "painted" ? "painted cats" : `pictures from ${data}`;
    reporter.line(`  real      ${grouped(n)} of ${grouped(pictures.count)} ${what}`);
    reporter.line(`  floor     ${grouped(n)} others of them, measured like the drawn ones`);
    reporter.line();
    for (const line of table(result)) reporter.line(line);
    return 0;
  } finally {
    reporter.clear();
    gpu.destroy();
  }
}

/** Where the real pictures are: where the user says, or where the run found those that it learned from. */
function realPictures({ data, fit }: EvaluateCommand, { path, metadata }: Checkpoint): PictureSource {
  if (metadata.format !== generatorFormat) {
    const { source } = checkpointInfo(metadata).pictures;
    return { data: data ?? source.data, fit: fit ?? source.fit };
  }
  if (data === null) {
    throw new UserError(`${path} is a generator file, which does not say where the real pictures are: give --data`);
  }
  return { data, fit: fit ?? "crop" };
}

function table({ swd, colour }: Evaluation): string[] {
  const row = (name: string, fake: string, real: string) =>
    `  ${name.padEnd(34)}${fake.padStart(9)}${real.padStart(9)}`;
  const numbers = (name: string, fake: number, real: number) => row(name, fake.toFixed(1), real.toFixed(1));
  return [
    row("", "drawn", "floor"),
    ...swd.fake.levels.map(({ size, value }, i) =>
      numbers(`SWD ×1000, ${size}×${size}`, value, swd.real.levels[i].value),
    ),
    numbers("SWD ×1000, average", swd.fake.average, swd.real.average),
    numbers("colours, mean (levels)", colour.fake.mean, colour.real.mean),
    numbers("colours, covariance (levels)", colour.fake.covariance, colour.real.covariance),
  ];
}

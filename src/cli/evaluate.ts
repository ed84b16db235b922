/** `catgan evaluate`: measures how similar a generator's pictures are to real ones. */
import { enlargedGrid } from "../data/grid.ts";
import type { Image } from "../data/image.ts";
import type { Pictures } from "../data/pictures.ts";
import { Stream } from "../gpu/stream.ts";
import { type Evaluation, evaluate, splitReals, type WithFloor } from "../metrics/evaluation.ts";
import type { Kid } from "../metrics/kid.ts";
import type { Nearest } from "../metrics/nearest.ts";
import { checkpointInfo, generatorFormat, type PictureSource } from "../train/checkpoint.ts";
import { checkDrawable, generatorFrom } from "../train/generator_file.ts";
import { drawPictures } from "../train/sampler.ts";
import { openAdapter } from "./adapter.ts";
import { type Checkpoint, readCheckpoint } from "./checkpoint_files.ts";
import type { EvaluateCommand } from "./commands/evaluate.ts";
import { loadDataSet } from "./data_set.ts";
import { skippedFacts, warn, warnOfSkipped } from "./describe.ts";
import { writeFileAtomically } from "./files.ts";
import { checkOutput, inputsOfSource } from "./output_file.ts";
import { encodePng } from "./png.ts";
import { grouped, Reporter } from "./progress.ts";
import { asUserError, UserError } from "./user_error.ts";

/**
 * Prints a table, or with `json` one object.
 * @returns the exit code
 * @throws UserError when the checkpoint or the pictures cannot be used
 */
export async function evaluateCommand(options: EvaluateCommand): Promise<number> {
  const { source, seed, json } = options;
  const checkpoint = await readCheckpoint(source, (state) => void checkDrawable(state));
  if (checkpoint.warning !== null) warn(checkpoint.warning);
  const real = asUserError(() => realPictures(options, checkpoint));
  const { data } = real;
  if (options.nearest !== null) {
    const inputs = [...(await inputsOfSource(source)), ...(data === "painted" ? [] : [data])];
    await checkOutput({ path: options.nearest, extension: ".png", inputs, force: options.force });
  }
  const reporter = new Reporter(process.stdout, json);
  const gpu = await openAdapter(options.adapter);
  try {
    const stream = new Stream(gpu);
    const generator = asUserError(() => generatorFrom(stream, checkpoint));
    const { architecture, step, seed: paintedSeed } = generator;
    const { pictures, skipped } = await loadDataSet(real, { size: architecture.size, seed: paintedSeed }, reporter);
    warnOfSkipped(skipped, data);
    const halves = asUserError(() => splitReals(pictures, options.n, seed));
    const n = halves.reals.length;
    const fakes = await drawPictures(stream, generator, { count: n, seed }, (done, total) =>
      reporter.preparing("drawing", done, total),
    );
    const { evaluation, nearest } = await evaluate(stream, fakes, halves, seed, (what, done, total) =>
      reporter.preparing(what, done, total),
    );
    reporter.clear();
    if (options.nearest !== null) {
      await writeFileAtomically(options.nearest, encodePng(nearestSheet(fakes, pictures, nearest)));
    }
    reporter.event({
      event: "evaluation",
      adapter: gpu.name,
      source: checkpoint.path,
      step,
      data,
      pictures: { count: pictures.count, ...skippedFacts(skipped) },
      n,
      seed,
      ...evaluation,
      ...(options.nearest !== null && { sheet: options.nearest }),
    });
    reporter.line(`  adapter   ${gpu.name}`);
    reporter.line(`  drawn     ${grouped(n)} pictures by ${checkpoint.path}, after ${grouped(step)} steps`);
    const what = data === "painted" ? "painted cats" : `pictures from ${data}`;
    const lost = skipped.length === 0 ? "" : `; ${grouped(skipped.length)} skipped`;
    reporter.line(`  real      ${grouped(n)} of ${grouped(pictures.count)} ${what}${lost}`);
    reporter.line(`  floor     ${grouped(n)} other real ones, measured like the drawn ones`);
    reporter.line();
    for (const line of table(evaluation)) reporter.line(line);
    if (options.nearest !== null) {
      reporter.line();
      reporter.line(`  Drawn pictures, each next to the real one nearest to it: ${reporter.bold(options.nearest)}`);
    }
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

/** Pairs of the sheet, four in a row. */
const sheet = { pairs: 32, columns: 8 };

/** Drawn pictures, each next to the real one nearest to it, the most likely copies first. */
function nearestSheet(fakes: Pictures, reals: Pictures, nearest: readonly Nearest[]): Image {
  const order = [...nearest.keys()].sort((a, b) => nearest[a].ratio - nearest[b].ratio).slice(0, sheet.pairs);
  const { size } = fakes;
  const bytes = size * size * 3;
  const pixels = new Uint8Array(2 * order.length * bytes);
  for (const [pair, n] of order.entries()) {
    const { index } = nearest[n];
    pixels.set(fakes.pixels.subarray(n * bytes, (n + 1) * bytes), 2 * pair * bytes);
    pixels.set(reals.pixels.subarray(index * bytes, (index + 1) * bytes), (2 * pair + 1) * bytes);
  }
  return enlargedGrid({ size, count: 2 * order.length, pixels }, sheet.columns);
}

function table({ swd, colour, colourSpread, msSsim, kidRand64, density, coverage, nearest }: Evaluation): string[] {
  const row = (name: string, fake: string, real: string) =>
    `  ${name.padEnd(40)}${fake.padStart(14)}${real.padStart(14)}`;
  const numbers = (name: string, { fake, real }: WithFloor<number>, digits: number) =>
    row(name, fake.toFixed(digits), real.toFixed(digits));
  const kid = ({ mean, deviation }: Kid) => `${(1000 * mean).toFixed(1)} ± ${(1000 * deviation).toFixed(1)}`;
  const share = (value: number) => `${(100 * value).toFixed(1)} %`;
  return [
    row("", "drawn", "floor"),
    ...swd.fake.levels.map(({ size, value }, i) =>
      numbers(`SWD ×1000, ${size}×${size}`, { fake: value, real: swd.real.levels[i].value }, 1),
    ),
    numbers("SWD ×1000, average", { fake: swd.fake.average, real: swd.real.average }, 1),
    numbers("colours, mean (levels)", { fake: colour.fake.mean, real: colour.real.mean }, 1),
    numbers("colours, covariance (levels)", { fake: colour.fake.covariance, real: colour.real.covariance }, 1),
    ...(["grey", "chroma"] as const).map((part) =>
      numbers(
        `colours, spread of ${part} (levels)`,
        { fake: colourSpread.fake[part], real: colourSpread.real[part] },
        1,
      ),
    ),
    numbers("MS-SSIM of pairs (higher: more alike)", msSsim, 3),
    row("KID-rand64 ×1000", kid(kidRand64.fake), kid(kidRand64.real)),
    numbers("density (fidelity, 1 is good)", density, 2),
    numbers("coverage (diversity, 1 is all)", coverage, 2),
    numbers("distance to the nearest real picture", { fake: nearest.fake.median, real: nearest.real.median }, 2),
    row("one real picture's alone (copies?)", share(nearest.fake.copies), share(nearest.real.copies)),
  ];
}

/** What a run writes into its folder and reports while it trains. */
import { version } from "../../package.json";
import { enlargedGrid } from "../data/grid.ts";
import type { Pictures } from "../data/pictures.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { Stream } from "../gpu/stream.ts";
import { meanPairSimilarity } from "../metrics/ms_ssim.ts";
import { augmented } from "../train/augmented.ts";
import type { PictureSource, RunState } from "../train/checkpoint.ts";
import type { Config } from "../train/config.ts";
import type { QualityMeter } from "../train/quality.ts";
import type { RunHooks } from "../train/run.ts";
import { encodeSafetensors } from "../train/safetensors.ts";
import { encodeCheckpoint } from "../train/save_restore.ts";
import type { Trainer } from "../train/trainer.ts";
import { checkpointPath, keepBest, removeOldCheckpoints, saveCheckpoint } from "./checkpoint_files.ts";
import { explained, readIfThere, writeFileAtomically } from "./files.ts";
import { encodePng } from "./png.ts";
import { grouped, type Reporter } from "./progress.ts";
import type { RunFolder } from "./run_folder.ts";
import { samplePath } from "./run_paths.ts";
import { lossRow, metricsRow, metricsTable } from "./run_rows.ts";
import type { Row, RunTable } from "./run_table.ts";
import type { SideFiles } from "./side_files.ts";

/** Where a run's output goes. */
export interface RunOutput {
  readonly folder: RunFolder;
  readonly source: PictureSource;
  readonly side: SideFiles;
  readonly reporter: Reporter;
}

/** Reals are shown as 8×8. */
const realColumns = 8;

/**
 * Writes the files that the folder of a new run begins with.
 * @param start the state that the run continues from; null: the beginning
 */
export async function beginRun(
  { config, source, folder }: { config: Config; source: PictureSource; folder: RunFolder },
  start: { step: number; state: RunState } | null,
  pictures: Pictures,
  gpu: Gpu,
): Promise<void> {
  const { size, pixels } = pictures;
  const count = Math.min(pictures.count, realColumns ** 2);
  const reals = { size, count, pixels: pixels.subarray(0, count * size ** 2 * 3) };
  const seen = await augmented(new Stream(gpu), reals, config);
  const gridOf = (shown: Pictures) => encodePng(enlargedGrid(shown, realColumns));
  const started = { catgan: version, adapter: gpu.name, pictures: { ...source, count: pictures.count }, config };
  await folder.begin({
    reals: gridOf(reals),
    augmented: seen && gridOf(seen),
    config: `${JSON.stringify(started, null, 2)}\n`,
    checkpoint: start && { step: start.step, bytes: encodeSafetensors(start.state.tensors, start.state.metadata) },
  });
}

/** Draws the grid of the step that a run resumes from, if an earlier process was killed before drawing it. */
export async function drawMissingGrid(trainer: Trainer, output: RunOutput): Promise<void> {
  const { step, config } = trainer;
  const path = samplePath(output.folder.dir, step);
  if (config.sampleEvery === 0 || step % config.sampleEvery !== 0) return;
  if ((await explained(`cannot read ${path}`, () => readIfThere(path))) !== null) return;
  await keepSample(step, await trainer.previewSampler.draw(), output);
}

async function keepSample(step: number, pictures: Pictures, { folder, side, reporter }: RunOutput): Promise<void> {
  const path = samplePath(folder.dir, step);
  const png = encodePng(enlargedGrid(pictures));
  const write = async () => {
    await writeFileAtomically(path, png);
    reporter.event({ event: "sample", step, path });
  };
  await side.write(path, write, png.length);
}

/** @param meter measures the pictures, where the configuration asks for it */
export function outputHooks(trainer: Trainer, meter: QualityMeter | null, output: RunOutput): RunHooks {
  const { folder, source, side, reporter } = output;
  const { batches, config, totalSteps } = trainer;
  const { dir, losses, lock } = folder;
  const metrics = metricsTable(dir, config);
  /** A running mean, so that the steps with R1 do not make the estimate jump. */
  let meanMs = 0;
  let realsAlike: number | undefined;
  const append = (table: RunTable, rows: readonly Row[]) =>
    side.write(table.path, async () => {
      const aside = await table.append(rows);
      if (aside !== null) side.report(aside);
    });
  return {
    async onRecords(records) {
      lock.checkKept();
      const rows = records.map((record) => ({ ...record, epoch: batches.cursor(record.step - 1).epoch + 1 }));
      await append(losses, rows.map(lossRow));
      for (const { step, epoch, dLoss, gLoss, dReal, dFake, penalty, ms } of rows) {
        reporter.event({ event: "step", step, epoch, dLoss, gLoss, dReal, dFake, penalty, ms });
        meanMs = meanMs === 0 ? ms : meanMs + (ms - meanMs) / 32;
      }
      const { step, dLoss, gLoss } = rows[rows.length - 1];
      reporter.training({
        step,
        totalSteps,
        dLoss,
        gLoss,
        picturesPerSecond: (1000 * config.batch) / meanMs,
        secondsLeft: ((totalSteps - step) * meanMs) / 1000,
      });
    },
    async onSample(step, pictures) {
      lock.checkKept();
      await keepSample(step, pictures, output);
    },
    async onMetrics(step) {
      lock.checkKept();
      const { swd, floor, drawn, others } = await meter!.measure();
      realsAlike ??= meanPairSimilarity(others);
      const msSsim = { fake: meanPairSimilarity(drawn), real: realsAlike };
      await append(metrics, [metricsRow(step, { swd, floor, msSsim })]);
      reporter.event({ event: "metrics", step, swd, floor, msSsim });
      const levels = swd.levels.map(({ size, value }) => `${size}×${size} ${value.toFixed(1)}`).join(", ");
      const start = `  step ${grouped(step)}: `;
      reporter.line(`${start}SWD ${swd.average.toFixed(1)} (${levels}), floor ${floor.toFixed(1)}`);
      const [fake, real] = [msSsim.fake, msSsim.real].map((value) => value.toFixed(3));
      reporter.line(`${" ".repeat(start.length)}MS-SSIM of pairs ${fake}, floor ${real} (higher: more alike)`);
      await side.attempt("best checkpoint", () =>
        keepBest(dir, step, swd.average, () => encodeCheckpoint(trainer, source)),
      );
    },
    async onCheckpoint(step, bytes) {
      await lock.check();
      // Rows up to this step are on the disk before a run can resume from it.
      await side.attempt(losses.path, () => losses.sync());
      await saveCheckpoint(dir, step, bytes);
      await side.attempt("earlier checkpoints", () => removeOldCheckpoints(dir, step));
      reporter.event({ event: "checkpoint", step, path: checkpointPath(dir, step) });
    },
  };
}

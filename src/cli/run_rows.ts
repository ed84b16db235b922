/** The tables of a run and their rows: losses.csv, one row per step, and metrics.csv, one per measurement. */
import { levelSizes } from "../metrics/laplacian_pyramid.ts";
import type { Swd } from "../metrics/swd.ts";
import type { Config } from "../train/config.ts";
import { lossesPath, metricsPath } from "./run_paths.ts";
import { type Row, RunTable } from "./run_table.ts";

const lossColumns = ["step", "epoch", "d_loss", "g_loss", "d_real", "d_fake", "penalty", "ms"];

export interface LossRow {
  /** Counted from the run's beginning, from 1. */
  step: number;
  epoch: number;
  dLoss: number;
  gLoss: number;
  /** D's mean score (0…1) of the real and of the fake pictures. */
  dReal: number;
  dFake: number;
  /** R1 and R2 together; 0 in steps without them. */
  penalty: number;
  ms: number;
}

/** A measurement of a run's quality while it trains. */
export interface Metrics {
  readonly swd: Swd;
  /** SWD of other real pictures. */
  readonly floor: number;
  /** Mean of pairs: how alike pictures are, which SWD cannot see. */
  readonly msSsim: { readonly fake: number; readonly real: number };
}

export function lossTable(dir: string): RunTable {
  return new RunTable(lossesPath(dir), lossColumns);
}

export function lossRow({ step, epoch, dLoss, gLoss, dReal, dFake, penalty, ms }: LossRow): Row {
  const row: Record<string, string> = { step: String(step), epoch: String(epoch), ms: ms.toFixed(1) };
  const numbers = { d_loss: dLoss, g_loss: gLoss, d_real: dReal, d_fake: dFake, penalty };
  for (const [name, value] of Object.entries(numbers)) row[name] = value.toPrecision(6);
  return row;
}

export function metricsTable(dir: string, { size }: Pick<Config, "size">): RunTable {
  const levels = levelSizes(size).map((side) => `swd_${side}`);
  return new RunTable(metricsPath(dir), ["step", "swd", "floor", ...levels, "ms_ssim", "ms_ssim_floor"]);
}

export function metricsRow(step: number, { swd, floor, msSsim }: Metrics): Row {
  const row: Record<string, string> = { step: String(step) };
  const levels = Object.fromEntries(swd.levels.map(({ size, value }) => [`swd_${size}`, value]));
  const numbers = { swd: swd.average, floor, ...levels, ms_ssim: msSsim.fake, ms_ssim_floor: msSsim.real };
  for (const [name, value] of Object.entries(numbers)) row[name] = value.toPrecision(6);
  return row;
}

/**
 * Detects training that goes wrong while its numbers are still finite, from what is read back anyway: the losses and
 * scores of steps, and the preview. Guards never change a run. docs/guards.md explains the thresholds.
 *
 * The main sign is D's *gap*: the mean score of real pictures minus that of fakes. It is 0 when D cannot tell them
 * apart, 1 when D is certain and right, and below 0 when D takes fakes for real. A relativistic loss fixes only
 * differences of logits, so there the gap is 2·σ(m) − 1, where m = D(real) − D(fake): the loss is −log σ(m), hence
 * σ(m) = e^−loss.
 */
import type { Pictures } from "../data/pictures.ts";
import type { Config } from "./config.ts";
import type { StepRecord } from "./loss_ring.ts";
import type { Trainer } from "./trainer.ts";

export type FindingKind = "explosion" | "D wins" | "G wins" | "mute D" | "collapse";

/** A setting whose change usually helps, and the direction. */
export interface Remedy {
  readonly key: keyof Config;
  readonly change: "larger" | "smaller";
}

/** Something that goes wrong. Reported once. */
export interface Finding {
  readonly kind: FindingKind;
  readonly step: number;
  /** What was observed and what it means, as a sentence without a full stop. */
  readonly what: string;
  /** What usually helps, the most likely first. */
  readonly remedies: readonly Remedy[];
  /** Whether the run cannot recover: it should go back to a checkpoint. */
  readonly broken: boolean;
}

/**
 * Steps that the exponential averages of the gap and of D's loss cover. Single steps are noisy, more so in small
 * batches.
 */
const gapSteps = 100;
const lossSteps = 10;
/** A state must last for this many steps before it is reported. */
const patience = 200;
/** Before this step D has not learned enough to separate the scores, so a small gap means nothing. */
const firstJudged = 300;
/**
 * Above `certain` G learns almost nothing; from `fooled` to `mute` D's scores carry no information; below, they are
 * wrong.
 */
const gapLimits = { certain: 0.95, mute: 0.02, fooled: -0.05 } as const;
/** Limits of D's average loss: higher only if D is certain and wrong. A D that knows nothing has 1.39, with hinge 2. */
const maxLossD: Readonly<Record<Config["loss"], number>> = { bce: 8, relativistic: 8, hinge: 20 };
/** A single step enters the average as at most this many times the limit, so it takes three to exceed it. */
const maxStepShare = 4;
/** Diversity of the samples relative to the real pictures: below `collapsed` now, and above `diverse` before. */
const diversityLimits = { collapsed: 0.3, diverse: 0.5 } as const;
/** Collapse is reported after this many grids in a row; before `diverseBy`, only if the generator has been diverse. */
const collapsedGrids = 2;
const diverseBy = 1000;

/** The settings that decide which numbers are normal. */
type GuardConfig = Pick<Config, "loss" | "smoothing" | "r1">;

export class Guard {
  private readonly reported = new Set<FindingKind>();
  private gap = 0;
  private dLoss = 0;
  /** Steps since the averages began. */
  private steps = 0;
  /** For how many steps in a row each state has lasted. */
  private readonly since: Record<"D wins" | "G wins" | "mute D", number> = { "D wins": 0, "G wins": 0, "mute D": 0 };
  private maxDiversity = 0;
  /** Grids in a row without diversity. */
  private collapsed = 0;

  /** @param realDiversity `diversity` of the real pictures */
  constructor(
    private readonly config: GuardConfig,
    private readonly realDiversity: number,
  ) {}

  /** Checks the next step, whose numbers are finite. @returns what is wrong, unless it was reported before */
  record({ step, dLoss, dReal, dFake }: StepRecord): Finding | null {
    this.steps++;
    const gap = this.config.loss === "relativistic" ? 2 * Math.exp(-dLoss) - 1 : dReal - dFake;
    this.gap += (gap - this.gap) / Math.min(this.steps, gapSteps);
    this.dLoss += (Math.min(dLoss, maxStepShare * this.maxLoss) - this.dLoss) / Math.min(this.steps, lossSteps);
    return this.exploded(step) ?? this.won(step) ?? this.mute(step);
  }

  /** Looks at the preview after a step. @param found `diversity` of its pictures @returns as `record` */
  sample(step: number, found: number): Finding | null {
    const share = found / this.realDiversity;
    this.maxDiversity = Math.max(this.maxDiversity, share);
    this.collapsed = share < diversityLimits.collapsed ? this.collapsed + 1 : 0;
    if (this.collapsed < collapsedGrids || (this.maxDiversity < diversityLimits.diverse && step < diverseBy))
      return null;
    const what = `mode collapse: the samples differ from each other only ${percent(share)} as much as the real pictures do`;
    return this.find("collapse", step, what, [{ key: "lrG", change: "smaller" }, this.penaltyUp], false);
  }

  /**
   * Call when the run has gone back to a checkpoint: the averages start over. Only what breaks a run can be reported
   * again.
   */
  rewound(): void {
    this.reported.delete("explosion");
    this.steps = this.gap = this.dLoss = this.collapsed = 0;
    for (const kind of Object.keys(this.since) as (keyof typeof this.since)[]) this.since[kind] = 0;
  }

  private exploded(step: number): Finding | null {
    if (this.steps < lossSteps || this.dLoss <= this.maxLoss) return null;
    const what = `the losses explode: D's is above ${this.maxLoss}, which means that D is certain and wrong`;
    return this.find("explosion", step, what, slower, true);
  }

  private won(step: number): Finding | null {
    // With labels of 1 − smoothing, D's score of real pictures goes no higher than that.
    if (this.lasts("D wins", this.gap > gapLimits.certain * (1 - this.config.smoothing), patience)) {
      const what = "D has won: it tells real pictures from fakes almost every time, so G learns almost nothing from it";
      return this.find("D wins", step, what, [this.penaltyUp, { key: "lrD", change: "smaller" }], false);
    }
    if (step >= firstJudged && this.lasts("G wins", this.gap < gapLimits.fooled, patience)) {
      const what = "G has won: D scores fakes higher than real pictures, so G learns nothing useful from it";
      return this.find(
        "G wins",
        step,
        what,
        [
          { key: "lrD", change: "larger" },
          { key: "lrG", change: "smaller" },
        ],
        false,
      );
    }
    return null;
  }

  private mute(step: number): Finding | null {
    const silent = this.gap < gapLimits.mute && this.gap >= gapLimits.fooled;
    if (step < firstJudged || !this.lasts("mute D", silent, patience)) return null;
    const what =
      "D cannot tell real pictures from fakes. Unless the samples are as good as real ones, it has stopped learning";
    const remedies: Remedy[] = [
      { key: "baseD", change: "larger" },
      { key: "lrD", change: "larger" },
    ];
    if (this.config.r1 > 0) remedies.unshift({ key: "r1", change: "smaller" });
    return this.find("mute D", step, what, remedies, false);
  }

  /** Whether a state has lasted long enough. @param is whether it holds in this step */
  private lasts(kind: keyof typeof this.since, is: boolean, steps: number): boolean {
    this.since[kind] = is ? this.since[kind] + 1 : 0;
    return this.since[kind] >= steps;
  }

  private get maxLoss(): number {
    return maxLossD[this.config.loss];
  }

  private get penaltyUp(): Remedy {
    return { key: "r1", change: "larger" };
  }

  private find(kind: FindingKind, step: number, what: string, remedies: readonly Remedy[], broken: boolean) {
    if (this.reported.has(kind)) return null;
    this.reported.add(kind);
    return { kind, step, what, remedies, broken };
  }
}

const slower: readonly Remedy[] = [
  { key: "lrD", change: "smaller" },
  { key: "lrG", change: "smaller" },
];

/** A guard for a run that starts or resumes. */
export function guardOf({ config, pictures }: Trainer): Guard {
  return new Guard(config, diversity(pictures));
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

/** Height and width to which pictures are reduced before they are compared, so that noise does not count as variety. */
const thumbnail = 8;
/** Number of pictures compared; from a larger set, evenly spaced ones. */
const compared = 64;

/**
 * How much pictures differ from each other: the mean distance of all pairs, where a distance is the root of the mean square
 * difference over 8×8 boxes and channels, in levels of 255. 0 if all are the same.
 */
export function diversity({ size, count, pixels }: Pictures): number {
  const box = size / thumbnail;
  const some = Math.min(count, compared);
  const thumbnails = Array.from({ length: some }, (_, i) => {
    const first = Math.floor((i * count) / some) * size * size * 3;
    const sums = new Float64Array(thumbnail * thumbnail * 3);
    for (let at = 0; at < size * size * 3; at++) {
      const [row, column] = [Math.floor(at / 3 / size), Math.floor(at / 3) % size];
      const to = (Math.floor(row / box) * thumbnail + Math.floor(column / box)) * 3 + (at % 3);
      sums[to] += pixels[first + at] / box ** 2;
    }
    return sums;
  });
  let sum = 0;
  let pairs = 0;
  for (const [i, a] of thumbnails.entries()) {
    for (const b of thumbnails.slice(0, i)) {
      sum += Math.sqrt(a.reduce((squares, value, at) => squares + (value - b[at]) ** 2, 0) / a.length);
      pairs++;
    }
  }
  return pairs > 0 ? sum / pairs : 0;
}

/**
 * Signs that training goes wrong while its numbers are still finite, seen in what is read back anyway: losses and scores of
 * steps, and the preview. Nothing here touches a number of the run. docs/guards.md tells where the thresholds come from.
 *
 * What is looked at is D's *gap*: the mean score of reals minus that of fakes. It is 0 where D tells nothing apart, 1 where
 * it is sure of everything, and below 0 where it takes fakes for real. A relativistic loss leaves free where the scores of both
 * lie; there it is 2·e^−loss − 1 of D's loss −log σ(m), in which σ(m) says how sure D is of the real one of a pair.
 */
import type { Pictures } from "../data/pictures.ts";
import type { Config } from "./config.ts";
import type { StepRecord, Trainer } from "./trainer.ts";

export type FindingKind = "explosion" | "D wins" | "G wins" | "mute D" | "collapse";

/** A value of the configuration that usually helps, and where to. */
export interface Remedy {
  readonly key: keyof Config;
  readonly change: "larger" | "smaller";
}

/** Something that goes wrong, told once. */
export interface Finding {
  readonly kind: FindingKind;
  readonly step: number;
  /** What is seen and what it means, for people: no full stop. */
  readonly what: string;
  /** What usually helps, the likeliest first. */
  readonly remedies: readonly Remedy[];
  /** Nothing good comes any more: going back is better than going on. */
  readonly broken: boolean;
}

/** Averages fall off over so many steps: single steps jump, the more the smaller the batch. */
const slow = 100;
const fast = 10;
/** How long something has to be so until it is told, in steps. */
const patience = 200;
/** D needs some steps to tell anything: before this one, silence means nothing. */
const firstJudged = 300;
/** Of the gap: beyond `sure` G learns next to nothing; from `fooled` to `mute` D says nothing; below `fooled` it is wrong. */
const gapIs = { sure: 0.95, mute: 0.02, fooled: -0.05 } as const;
/** D's loss, averaged over few steps: so high only if D is sure and wrong. Knowing nothing costs 1.39, with hinge 2. */
const explodedD: Readonly<Record<Config["loss"], number>> = { bce: 8, relativistic: 8, hinge: 20 };
/** A single step counts for so many times that at most: it takes three wild ones. */
const oneStepCounts = 4;
/** Of the samples' diversity, as a share of the reals'. */
const diversityIs = { collapsed: 0.3, was: 0.5 } as const;
/** So many grids in a row; and from this step on also of a generator that was never diverse. */
const collapsedGrids = 2;
const alwaysCollapsed = 1000;

type Told = Pick<Config, "loss" | "smoothing" | "r1">;

export class Guard {
  private readonly told = new Set<FindingKind>();
  private gap = 0;
  private dLoss = 0;
  /** Steps that the averages know of. */
  private steps = 0;
  private readonly since: Record<"D wins" | "G wins" | "mute D", number> = { "D wins": 0, "G wins": 0, "mute D": 0 };
  private widest = 0;
  private narrow = 0;

  /** @param realDiversity `diversity` of some of the reals */
  constructor(
    private readonly config: Told,
    private readonly realDiversity: number,
  ) {}

  /** Looks at the next step, of finite numbers. @returns what is wrong, where that was not told before */
  record({ step, dLoss, dReal, dFake }: StepRecord): Finding | null {
    this.steps++;
    const gap = this.config.loss === "relativistic" ? 2 * Math.exp(-dLoss) - 1 : dReal - dFake;
    this.gap += (gap - this.gap) / Math.min(this.steps, slow);
    this.dLoss += (Math.min(dLoss, oneStepCounts * this.explodes) - this.dLoss) / Math.min(this.steps, fast);
    return this.exploded(step) ?? this.won(step) ?? this.mute(step);
  }

  /** Looks at the preview after a step. @param found `diversity` of its pictures @returns as `record` */
  sample(step: number, found: number): Finding | null {
    const share = found / this.realDiversity;
    this.widest = Math.max(this.widest, share);
    this.narrow = share < diversityIs.collapsed ? this.narrow + 1 : 0;
    if (this.narrow < collapsedGrids || (this.widest < diversityIs.was && step < alwaysCollapsed)) return null;
    const what = `the samples look alike: they differ from each other ${percent(share)} as much as the real pictures do`;
    return this.find("collapse", step, what, [{ key: "lrG", change: "smaller" }, this.penaltyUp], false);
  }

  /** The run went back: averages begin anew. What was told stays told, but for what breaks a run. */
  rewound(): void {
    this.told.delete("explosion");
    this.steps = this.gap = this.dLoss = this.narrow = 0;
    for (const kind of Object.keys(this.since) as (keyof typeof this.since)[]) this.since[kind] = 0;
  }

  private exploded(step: number): Finding | null {
    if (this.steps < fast || this.dLoss <= this.explodes) return null;
    const what = `the losses explode: D's is above ${this.explodes}, which only a D has that is sure and wrong`;
    return this.find("explosion", step, what, slower, true);
  }

  private won(step: number): Finding | null {
    // Labels of 1 − smoothing keep D from being surer than that.
    if (this.lasts("D wins", this.gap > gapIs.sure * (1 - this.config.smoothing), patience)) {
      const what = "D has won: it tells reals from fakes nearly always, so G learns next to nothing from it";
      return this.find("D wins", step, what, [this.penaltyUp, { key: "lrD", change: "smaller" }], false);
    }
    if (step >= firstJudged && this.lasts("G wins", this.gap < gapIs.fooled, patience)) {
      const what = "G has won: D takes its fakes for real more than the reals, and teaches it nothing";
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
    const silent = this.gap < gapIs.mute && this.gap >= gapIs.fooled;
    if (step < firstJudged || !this.lasts("mute D", silent, patience)) return null;
    const what =
      "D says nothing: it scores reals and fakes alike. Unless samples are as good as reals, it has stopped learning";
    const remedies: Remedy[] = [
      { key: "baseD", change: "larger" },
      { key: "lrD", change: "larger" },
    ];
    if (this.config.r1 > 0) remedies.unshift({ key: "r1", change: "smaller" });
    return this.find("mute D", step, what, remedies, false);
  }

  /** Whether it has been so for long enough. */
  private lasts(kind: keyof typeof this.since, is: boolean, steps: number): boolean {
    this.since[kind] = is ? this.since[kind] + 1 : 0;
    return this.since[kind] >= steps;
  }

  private get explodes(): number {
    return explodedD[this.config.loss];
  }

  private get penaltyUp(): Remedy {
    return { key: "r1", change: "larger" };
  }

  private find(kind: FindingKind, step: number, what: string, remedies: readonly Remedy[], broken: boolean) {
    if (this.told.has(kind)) return null;
    this.told.add(kind);
    return { kind, step, what, remedies, broken };
  }
}

const slower: readonly Remedy[] = [
  { key: "lrD", change: "smaller" },
  { key: "lrG", change: "smaller" },
];

/** A guard for a run, at its beginning or where it goes on. */
export function guardOf({ config, pictures }: Trainer): Guard {
  return new Guard(config, diversity(pictures));
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

/** Height and width that pictures are reduced to before they are compared: noise does not count as variety. */
const thumbnail = 8;
/** Pictures that are compared; of more, some, evenly spaced. */
const compared = 64;

/**
 * How much pictures differ from each other: the mean distance of all pairs, √ of the mean square over 8×8 boxes and channels,
 * in levels of 255. Pictures that are all one have 0.
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

/** Progress messages of the commands: lines to read, or with --json one object per line for programs. */
import { escapeControls, terminalJson } from "./terminal_text.ts";

/** Where text goes; process.stdout is one. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** A run's progress, as the bar shows it. */
export interface TrainingState {
  step: number;
  totalSteps: number;
  dLoss: number;
  gLoss: number;
  picturesPerSecond: number;
  secondsLeft: number;
}

export const widest = 80;
const nameWidth = 15;
/** Milliseconds between lines when the last line cannot be rewritten. */
const quietMs = 10_000;

const esc = "\x1b";
/** What `bold` and `dim` return: the style's start, its text and its end. Any other escape is not ours. */
const styled = new RegExp(`(${esc}\\[[12]m)([^${esc}]*)(${esc}\\[22m)`);

export class Reporter {
  /** Whether to use colours and a line that is rewritten: not when output goes to a file. */
  private readonly lively: boolean;
  private readonly colours: boolean;
  private hasStatus = false;
  private lastPlain = performance.now();

  constructor(
    private readonly out: Terminal,
    /** One JSON object per line, nothing else. */
    private readonly json: boolean,
  ) {
    this.lively = !json && out.isTTY === true && process.env.TERM !== "dumb";
    this.colours = this.lively && !process.env.NO_COLOR;
  }

  event(event: Record<string, unknown>): void {
    if (this.json) this.out.write(`${terminalJson(event)}\n`);
  }

  /** A line that stays. */
  line(text = ""): void {
    if (this.json) return;
    this.clear();
    this.out.write(`${this.shown(text)}\n`);
  }

  /** `name  text`, for a list of facts; text that does not fit continues below, broken at spaces. */
  fact(name: string, text: string): void {
    for (const [i, line] of wrapped(escapeControls(text), widest - 2 - nameWidth).entries()) {
      this.line(`  ${this.dim((i === 0 ? name : "").padEnd(nameWidth))}${line}`);
    }
  }

  /** Progress of a preparation; only shown on a terminal, where it can be erased again. */
  preparing(what: string, done: number, total: number): void {
    if (!this.lively) return;
    const share = total > 0 ? done / total : 0;
    this.status(`  ${bar(share, 20)} ${Math.floor(share * 100)} %  ${escapeControls(what)}`);
  }

  /** @param total null while files are still being counted */
  looking(done: number, total: number | null): void {
    if (total !== null) this.preparing("looking for pictures", done, total);
    else if (this.lively) this.status(`  looking for pictures: ${grouped(done)} files so far`);
  }

  training(state: TrainingState): void {
    if (this.lively) {
      const facts = trainingFacts(state);
      const width = Math.min(widest, this.out.columns || widest) - 1;
      const room = width - facts.length - 3;
      const share = state.step / state.totalSteps;
      this.status(room >= 5 ? `  ${this.accent(bar(share, room))} ${facts}` : `  ${facts}`.slice(0, width));
    } else if (!this.json && performance.now() - this.lastPlain >= quietMs) {
      this.lastPlain = performance.now();
      this.out.write(`  ${trainingFacts(state)}\n`);
    }
  }

  /** Wipes the line that is rewritten. */
  clear(): void {
    if (this.hasStatus) this.out.write("\r\x1b[2K");
    this.hasStatus = false;
  }

  bold(text: string): string {
    return this.style(1, text, 22);
  }

  dim(text: string): string {
    return this.style(2, text, 22);
  }

  private accent(text: string): string {
    return this.style(33, text, 39);
  }

  private style(on: number, text: string, off: number): string {
    return this.colours ? `${esc}[${on}m${escapeControls(text)}${esc}[${off}m` : text;
  }

  /** A line that is safe to print: nothing in it controls the terminal except our own styles. */
  private shown(text: string): string {
    if (!this.colours) return escapeControls(text);
    return text
      .split(styled)
      .map((part, i) => (i % 4 === 1 || i % 4 === 3 ? part : escapeControls(part)))
      .join("");
  }

  private status(text: string): void {
    this.out.write(`\r\x1b[2K${text}`);
    this.hasStatus = true;
  }
}

function trainingFacts({ step, totalSteps, dLoss, gLoss, picturesPerSecond, secondsLeft }: TrainingState): string {
  const total = String(totalSteps);
  return [
    `${String(step).padStart(total.length)}/${total}`,
    `D ${loss(dLoss)}`,
    `G ${loss(gLoss)}`,
    `${picturesPerSecond < 10 ? picturesPerSecond.toFixed(1) : Math.round(picturesPerSecond)} pictures/s`,
    `${duration(secondsLeft)} left`,
  ].join("  ");
}

function loss(value: number): string {
  return value < 100 ? value.toFixed(3).slice(0, 5) : value.toPrecision(4);
}

function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, share) * width);
  return "━".repeat(full) + "─".repeat(width - full);
}

/** 4:05 or 1:02:03. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (number: number) => String(number).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** 24,034,819. */
export function grouped(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Text in lines of at most `width`, broken at spaces. */
export function wrapped(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines[lines.length - 1];
    const longer = last === "" ? word : `${last} ${word}`;
    if (longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** A command line with these words, for the way in which the program was started. */
export function commandLine(command: "train" | "sample" | "prepare", ...words: string[]): string {
  const quoted = words.map((word) => (/^[\w./:@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`));
  const script = process.env.npm_lifecycle_event;
  const npm = script !== undefined && ["train", "sample", "prepare-data"].includes(script);
  const npmScript = command === "prepare" ? "prepare-data" : command;
  return [npm ? `npm run ${npmScript} --` : `catgan ${command}`, ...quoted].join(" ");
}

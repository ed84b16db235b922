/** Losses, scores and quality over the steps. */
import { Chart } from "./chart.ts";
import { byId } from "./dom.ts";
import type { Rows } from "./rows.ts";
import { smoothed, spread } from "./smooth.ts";

/** Maximum number of points drawn per curve. */
const maxPoints = 1500;
const colours = ["--other", "--accent"];

export class Charts {
  private readonly losses = new Chart(byId("chart-losses"), byId("read-losses"));
  private readonly scores = new Chart(byId("chart-scores"), byId("read-scores"));
  private readonly quality = new Chart(byId("chart-quality"), byId("read-quality"));
  private readonly log = byId<HTMLInputElement>("log");
  private readonly smoothing = byId<HTMLInputElement>("smoothing");
  private rows: Rows | null = null;

  constructor() {
    this.log.addEventListener("change", () => this.draw());
    this.smoothing.addEventListener("input", () => this.draw());
  }

  toggleLog(): void {
    this.log.checked = !this.log.checked;
    this.draw();
  }

  show(rows: Rows): void {
    this.rows = rows;
    this.draw();
  }

  /** Draws the charts; call it again when the theme has changed. */
  draw(): void {
    const { rows } = this;
    if (!rows || rows.length < 2) return;
    const picked = spread(rows.length, maxPoints);
    const steps = Array.from(picked, (i) => rows.at(i, "step"));
    const curve = (field: "dLoss" | "gLoss" | "dReal" | "dFake") => {
      const values = Float64Array.from({ length: rows.length }, (_, i) => rows.at(i, field));
      const smooth = smoothed(values, Number(this.smoothing.value));
      return Float64Array.from(picked, (i) => smooth[i]);
    };
    const losses = { steps, curves: [curve("dLoss"), curve("gLoss")] };
    this.losses.show(losses, { range: null, logarithmic: this.log.checked, colours });
    const scores = { steps, curves: [curve("dReal"), curve("dFake")] };
    this.scores.show(scores, { range: [0, 1], logarithmic: false, colours });
    const measured = Array.from({ length: rows.length }, (_, i) => i).filter((i) => rows.at(i, "swd") >= 0);
    byId("quality").hidden = measured.length < 2;
    const [at, swd, floor] = (["step", "swd", "floor"] as const).map((field) => measured.map((i) => rows.at(i, field)));
    this.quality.show({ steps: at, curves: [floor, swd] }, { range: null, logarithmic: false, colours });
  }
}

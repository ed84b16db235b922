/** What the panel "Draw" shows: a grid of cats, and a place on the way between them, past them, or near one of them. */
import type { Place } from "../../train/walk.ts";
import { filmPlaces } from "./film_way.ts";
import { placeName } from "./picture_file.ts";
import type { Mark } from "./wall.ts";

export const columns = 4;
const cats = columns * columns;
export const relativesRows = 2;
/** Milliseconds of a walk, and of a stroll from one cat to the next. */
const walkTime = 4000;
const strollTime = 2200;

export type Mode = "walk" | "stroll" | "vary";

export class DrawState {
  seed = 1;
  /** The grid's places: the seed's cats, and variations that were kept. */
  grid: Place[] = [];
  mode: Mode = "walk";
  /** A walk's ends, by their numbers in the grid, and which of them the next choice sets. */
  private readonly ends = { a: 0, b: columns + 1 };
  private nextEnd: "a" | "b" = "a";
  /** How far the walk is, 0 … 1, and whether it goes towards B when it is played. */
  way = 0;
  private towardsB = true;
  /** Where the stroll is, in cats. */
  private position = 0;
  /** The number of the cat that is varied, how much, and which random cats it moves towards. */
  private varied = 0;
  strength = 0.35;
  private generation = 0;
  relatives: Place[] = [];
  /** The selected relative; null: the cat itself. */
  relative: number | null = null;

  setSeed(seed: number): void {
    this.seed = seed;
    this.setGrid(Array.from({ length: cats }, (_, index) => ({ kind: "cat", seed, index })));
  }

  setGrid(places: Place[]): void {
    this.grid = places;
    this.breed();
  }

  /** Chooses a cat of the grid, for whatever the mode needs one. */
  choose(index: number): void {
    const { mode, ends } = this;
    if (mode === "walk") {
      if (index !== ends.a && index !== ends.b) {
        ends[this.nextEnd] = index;
        this.nextEnd = this.nextEnd === "a" ? "b" : "a";
      }
      this.way = index === ends.b ? 1 : 0;
    } else if (mode === "stroll") this.position = index;
    else {
      this.varied = index;
      this.breed();
    }
  }

  /** New relatives of the cat that is varied. @param selected which of them is selected */
  breed(selected: number | null = null): void {
    const { seed, strength, generation, grid, varied } = this;
    const count = columns * relativesRows;
    this.relatives = Array.from({ length: count }, (_, i) => {
      return { kind: "variation", of: grid[varied], strength, seed, index: generation * count + i };
    });
    this.relative = selected;
  }

  otherRelatives(): void {
    this.generation++;
    this.breed();
  }

  /** Puts the selected relative into the grid, in place of the cat that was varied. */
  keepRelative(): void {
    const kept = this.relatives[this.relative!];
    this.generation++;
    this.setGrid(this.grid.with(this.varied, kept));
  }

  /** Moves on by this many milliseconds. */
  advance(ms: number): void {
    if (this.mode === "stroll") this.position = (this.position + ms / strollTime) % cats;
    else {
      this.way = Math.min(1, Math.max(0, this.way + ((this.towardsB ? 1 : -1) * ms) / walkTime));
      if (this.way === 0 || this.way === 1) this.towardsB = this.way === 0;
    }
  }

  /** The place that the large picture shows. */
  current(): Place {
    const { mode, grid, ends, way, position, relative } = this;
    if (mode === "walk") return { kind: "between", from: grid[ends.a], to: grid[ends.b], t: way };
    if (mode === "stroll") return { kind: "stroll", through: grid, position };
    return relative === null ? grid[this.varied] : this.relatives[relative];
  }

  /** The walk there and back, or the stroll past all cats: both end where they begin. */
  film(): { name: string; places: Place[] } | null {
    const { mode, grid, ends } = this;
    if (mode === "vary") return null;
    if (mode === "stroll") {
      const places = filmPlaces(
        cats * strollTime,
        (t): Place => ({ kind: "stroll", through: grid, position: cats * t }),
      );
      return { name: `${placeName(grid[0])}-stroll`, places };
    }
    const places = filmPlaces(2 * walkTime, (t): Place => {
      return { kind: "between", from: grid[ends.a], to: grid[ends.b], t: 1 - Math.abs(1 - 2 * t) };
    });
    return { name: placeName(places[0]).replace(/-0$/, ""), places };
  }

  /** What the large picture shows, in words. */
  words(): string {
    const { mode, way, relative, ends } = this;
    const varied = this.nameOf(this.varied);
    if (mode === "stroll") return `near ${this.nameOf(Math.round(this.position) % cats)}`;
    if (mode === "vary") return relative === null ? varied : `relative ${relative + 1} of ${varied}`;
    if (way === 0 || way === 1) return this.nameOf(way === 0 ? ends.a : ends.b);
    return `${Math.round(way * 100)} % of the way from ${this.nameOf(ends.a)} to ${this.nameOf(ends.b)}`;
  }

  /** How each picture of the grid is marked. */
  marks(): Mark[] {
    const { mode, ends } = this;
    const chosen = mode === "stroll" ? Math.round(this.position) % cats : this.varied;
    return this.grid.map((_, index) => {
      const badge = mode !== "walk" ? "" : index === ends.a ? "A" : index === ends.b ? "B" : "";
      return {
        name: badge ? `${badge}, ${this.nameOf(index)}` : capitalised(this.nameOf(index)),
        pressed: mode === "walk" ? badge !== "" : index === chosen,
        badge,
      };
    });
  }

  private nameOf(index: number): string {
    return this.grid[index].kind === "variation" ? `cat ${index + 1} (kept)` : `cat ${index + 1}`;
  }
}

export function capitalised(text: string): string {
  return text[0].toUpperCase() + text.slice(1);
}

import { afterEach, expect, test, vi } from "vitest";
import { skippedFacts, warnOfSkipped } from "../../src/cli/describe.ts";
import type { Refused } from "../../src/data/photographs.ts";

afterEach(() => vi.restoreAllMocks());

const many = (count: number, reason: string, name = "f"): Refused[] =>
  Array.from({ length: count }, (_, i) => ({ name: `${name}${i}.png`, reason }));

function told(skipped: Refused[]): string[] {
  const lines: string[] = [];
  vi.spyOn(console, "error").mockImplementation((line) => void lines.push(line));
  warnOfSkipped(skipped, "my photos");
  return lines;
}

test("skipped files are reported by reason, in a few lines of 80 columns", () => {
  const tooSmall = [
    "too small: 8×9 pixels, expected at least 64×64",
    "too small: 8×10 pixels, expected at least 64×64",
  ];
  const skipped = [
    ...many(600, tooSmall[0], "a very long folder's name that goes on/with a file that is as long "),
    ...many(600, tooSmall[1]),
    ...many(2, "a link that leads nowhere", "\u202eev\nil"),
    { name: "x".repeat(300), reason: "its path is too long" },
    ...many(3, "JPEG cut short: its end marker is missing"),
    ...["a", "b", "c", "d"].flatMap((reason) => many(1, reason)),
  ];
  const lines = told(skipped);
  expect(lines).toEqual([
    "catgan: warning: skipped 1,210 files that cannot be used:",
    "  1,200 × too small: 8×… pixels, expected at least 64×64; first: …es on/with a",
    "    file that is as long 0.png",
    "  3 × JPEG cut short: its end marker is missing; first: f0.png",
    "  2 × a link that leads nowhere; first: \\u{202e}ev\\u{a}il0.png",
    `  …${"x".repeat(39)}: its path is too long`,
    "  f0.png: a",
    "  3 for other reasons",
    "  All names: catgan prepare 'my photos' OUT lists them.",
  ]);
  expect(skippedFacts(skipped)).toMatchObject({
    skipped: 1210,
    skippedReasons: [
      { reason: "too small: 8×… pixels, expected at least 64×64", count: 1200 },
      { reason: "JPEG cut short: its end marker is missing", count: 3 },
      { count: 2 },
      { count: 1 },
      { count: 1 },
      { count: 1 },
      { count: 1 },
      { count: 1 },
    ],
  });
});

test("a folder comes before files of more frequent reasons", () => {
  const files = ["a", "b", "c", "d", "e"].flatMap((reason) => many(2, reason));
  const lines = told([...files, { name: "closed/", reason: "a folder that cannot be listed: links in a circle" }]);
  expect(lines.slice(0, 3)).toEqual([
    "catgan: warning: skipped 11 files that cannot be used:",
    "  closed/: a folder that cannot be listed: links in a circle",
    "  2 × a; first: f0.png",
  ]);
});

test("a few are all named; none are not mentioned", () => {
  expect(told([])).toEqual([]);
  expect(told([...many(1, "empty file"), ...many(1, "it is gone", "sub/g")])).toEqual([
    "catgan: warning: skipped 2 files that cannot be used:",
    "  f0.png: empty file",
    "  sub/g0.png: it is gone",
  ]);
  expect(told([{ name: "\u202e".repeat(60), reason: "empty file" }])[1]).toMatch(/^ {2}….{39}: empty file$/);
  expect(told(many(1, "empty file"))[0]).toBe("catgan: warning: skipped 1 file that cannot be used:");
});

import { afterEach, expect, test, vi } from "vitest";
import { commandLine, duration, grouped, Reporter, wrapped } from "../../src/cli/progress.ts";

function terminal(isTTY: boolean, columns = 80) {
  let text = "";
  return { isTTY, columns, write: (more: string) => void (text += more), text: () => text };
}

const state = {
  step: 1234,
  totalSteps: 25_000,
  dLoss: 1.38629,
  gLoss: 123.456,
  picturesPerSecond: 35.44,
  secondsLeft: 4000,
};

afterEach(() => vi.unstubAllEnvs());

test("the bar is one line, rewritten, within 80 columns", () => {
  vi.stubEnv("NO_COLOR", "1");
  vi.stubEnv("TERM", "xterm");
  for (const columns of [80, 200, 60, 30]) {
    const out = terminal(true, columns);
    new Reporter(out, false).training(state);
    expect(out.text().startsWith("\r\x1b[2K")).toBe(true);
    const line = out.text().slice("\r\x1b[2K".length);
    expect(line).not.toContain("\n");
    expect(line.length).toBeLessThan(Math.min(columns, 80));
    if (columns >= 80)
      expect(line).toMatch(/^ {2}━─+ {2}1234\/25000 {2}D 1\.386 {2}G 123\.5 {2}35 pictures\/s {2}1:06:40 left$/);
  }
});

test("a line that stays wipes the bar first", () => {
  vi.stubEnv("TERM", "xterm");
  const out = terminal(true);
  const reporter = new Reporter(out, false);
  reporter.training(state);
  const before = out.text().length;
  reporter.line("stays");
  expect(out.text().slice(before)).toBe("\r\x1b[2Kstays\n");
});

test("where lines cannot be rewritten, one is printed from time to time", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const out = terminal(false);
  const reporter = new Reporter(out, false);
  reporter.preparing("painting", 1, 2);
  for (let i = 0; i < 41; i++) {
    reporter.training(state);
    vi.advanceTimersByTime(500);
  }
  vi.useRealTimers();
  expect(out.text().split("\n")).toHaveLength(3);
  expect(out.text()).not.toContain("\x1b");
});

test("with --json nothing but events", () => {
  const out = terminal(true);
  const reporter = new Reporter(out, true);
  reporter.line("text");
  reporter.fact("name", "text");
  reporter.preparing("painting", 1, 2);
  reporter.training(state);
  reporter.event({ event: "end", run: "a\nb" });
  expect(out.text()).toBe('{"event":"end","run":"a\\nb"}\n');
});

test("formatted numbers", () => {
  expect([0, 59.6, 65, 3600, 36_610].map(duration)).toEqual(["0:00", "1:00", "1:05", "1:00:00", "10:10:10"]);
  expect([0, 999, 1000, 24_034_819].map(grouped)).toEqual(["0", "999", "1,000", "24,034,819"]);
  expect(wrapped("one two three", 7)).toEqual(["one two", "three"]);
  vi.stubEnv("npm_lifecycle_event", "");
  expect(commandLine("sample", "runs/a b", "--n", "4")).toBe("catgan sample 'runs/a b' --n 4");
  vi.stubEnv("npm_lifecycle_event", "train");
  expect(commandLine("train", "--resume", "it's")).toBe("npm run train -- --resume 'it'\\''s'");
});

import { expect, test } from "vitest";
import { troubleWord } from "../../src/page/trouble_word.ts";

test("says what happened, and where training goes on: at the last save, if there is one", () => {
  const lost = { kind: "device lost", message: "it was unplugged.", attempt: 2 } as const;
  expect(troubleWord({ ...lost, backTo: 1200 })).toBe(
    "The GPU was lost: it was unplugged. Went back to the save of step 1,200, on a new device, try 2 of 3.",
  );
  expect(troubleWord({ ...lost, backTo: 0 })).toBe(
    "The GPU was lost: it was unplugged. Nothing was saved yet: began again on a new device, try 2 of 3.",
  );
  expect(troubleWord({ kind: "diverged", message: "at step 7", attempt: 1, backTo: 5 })).toMatch(
    /save of step 5, with half the learning rates, try 1 of 3\.$/,
  );
});

test("after the last try it says whether anything is safe", () => {
  const given = { kind: "out of memory", message: "too much", attempt: null } as const;
  expect(troubleWord({ ...given, backTo: 3 })).toBe(
    "The GPU ran out of memory: too much. Training has stopped; what was saved is safe: play goes on from there.",
  );
  expect(troubleWord({ ...given, backTo: 0 })).toMatch(
    / Training has stopped; nothing was saved yet: play begins again\.$/,
  );
});

test("a sign of trouble stops nothing either, and comes with what usually helps, as the page names it", () => {
  const remedies = [
    { key: "r1", change: "smaller" },
    { key: "baseD", change: "larger" },
  ] as const;
  expect(troubleWord({ kind: "sign", message: "D says nothing", remedies, attempt: null, backTo: 8 })).toBe(
    "A sign of trouble: D says nothing. What usually helps: R1 penalty: smaller; or Channels, D: larger.",
  );
});

test("without a GPU it says what to do", () => {
  const given = { kind: "no GPU", message: "the browser offers no GPU at the moment", attempt: null } as const;
  expect(troubleWord({ ...given, backTo: 40 })).toBe(
    "The GPU is gone: the browser offers no GPU at the moment. Training has stopped. Browsers block the GPU for a while " +
      "after it has failed repeatedly: restart the browser, then continue this run: what was saved is safe. " +
      "In Chrome and Edge, chrome://gpu says whether the GPU is blocked.",
  );
  expect(troubleWord({ ...given, backTo: 0 })).toMatch(/then start again: nothing was saved yet\./);
});

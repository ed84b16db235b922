import { expect, test } from "vitest";
import { describeTrouble } from "../../src/page/describe_trouble.ts";

test("says what happened and where training continues: at a save, if there is one", () => {
  const lost = { kind: "device lost", message: "it was unplugged.", attempt: 2 } as const;
  expect(describeTrouble({ ...lost, backTo: 1200 })).toBe(
    "The GPU was lost: it was unplugged. Returned to the save of step 1,200, on a new device, attempt 2 of 3.",
  );
  expect(describeTrouble({ ...lost, backTo: 0 })).toBe(
    "The GPU was lost: it was unplugged. Nothing had been saved yet, so it started again on a new device, attempt 2 of 3.",
  );
  expect(describeTrouble({ kind: "diverged", message: "at step 7", attempt: 1, backTo: 5 })).toMatch(
    /save of step 5, with half the learning rates, attempt 1 of 3\.$/,
  );
});

test("after the last attempt it says whether anything is safe", () => {
  const given = { kind: "out of memory", message: "too much", attempt: null } as const;
  expect(describeTrouble({ ...given, backTo: 3 })).toBe(
    "The GPU ran out of memory: too much. Training has stopped; what was saved is safe: press Play to continue from step 3.",
  );
  expect(describeTrouble({ ...given, backTo: 0 })).toMatch(
    / Training has stopped; nothing had been saved yet: press Play to start again\.$/,
  );
});

test("a sign of trouble does not stop training; it names what usually helps, by the page's labels", () => {
  const remedies = [
    { key: "r1", change: "smaller" },
    { key: "baseD", change: "larger" },
  ] as const;
  expect(describeTrouble({ kind: "sign", message: "D says nothing", remedies, attempt: null, backTo: 8 })).toBe(
    "Training may be going wrong: D says nothing. What usually helps: R1 penalty: smaller; or Channels, D: larger.",
  );
});

test("without a GPU it says what to do", () => {
  const given = { kind: "no GPU", message: "the browser offers no GPU at the moment", attempt: null } as const;
  expect(describeTrouble({ ...given, backTo: 40 })).toBe(
    "The GPU is gone: the browser offers no GPU at the moment. Training has stopped. Browsers block the GPU for a while " +
      "after it has failed repeatedly: restart the browser, then continue this run: what was saved is safe. " +
      "In Chrome and Edge, chrome://gpu shows whether the GPU is blocked.",
  );
  expect(describeTrouble({ ...given, backTo: 0 })).toMatch(/then start again: nothing had been saved yet\./);
});

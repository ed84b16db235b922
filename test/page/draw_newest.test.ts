import { expect, test } from "vitest";
import { Newest } from "../../src/page/draw/newest.ts";

/** A painter that paints on command. */
function slowPainter() {
  const asked: { requests: readonly string[]; finish(): void; fail(): void }[] = [];
  const shown: Record<number, string> = {};
  const draw = (requests: readonly string[]) =>
    new Promise<string[]>((resolve, reject) => {
      const finish = () => resolve(requests.map((request) => request.toUpperCase()));
      asked.push({ requests, finish, fail: () => reject(new Error("no more paint")) });
    });
  const newest = new Newest<string, string>(draw, (index, picture) => (shown[index] = picture), 2);
  const finish = async () => {
    asked.at(-1)!.finish();
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { asked, shown, newest, finish };
}

test("a few at a time, and pictures already shown are not drawn again", async () => {
  const { asked, shown, newest, finish } = slowPainter();
  const done = newest.request(["a", "b", "c"]);
  expect(asked.map(({ requests }) => requests)).toEqual([["a", "b"]]);
  await finish();
  expect(shown).toEqual({ 0: "A", 1: "B" });
  await finish();
  await done;
  expect(shown).toEqual({ 0: "A", 1: "B", 2: "C" });
  const again = newest.request(["a", "x", "c"]);
  expect(asked.at(-1)!.requests).toEqual(["x"]);
  await finish();
  await again;
  expect(shown).toEqual({ 0: "A", 1: "X", 2: "C" });
  await newest.request(["a", "x", "c"]);
  expect(asked.length).toBe(3);
});

test("requests that are out of date before they begin are skipped", async () => {
  const { asked, shown, newest, finish } = slowPainter();
  const done = Promise.all(["a", "b", "c", "d"].map((request) => newest.request([request])));
  expect(asked.length).toBe(1);
  await finish();
  // What was under way is shown, as progress, though it is not the newest.
  expect(shown).toEqual({ 0: "A" });
  await finish();
  await done;
  expect(asked.map(({ requests }) => requests)).toEqual([["a"], ["d"]]);
  expect(shown).toEqual({ 0: "D" });
});

test("a picture in progress when everything was forgotten is not shown", async () => {
  const { asked, shown, newest, finish } = slowPainter();
  const done = newest.request(["a"]);
  newest.forget();
  void newest.request(["a"]);
  await finish();
  expect(shown).toEqual({});
  await finish();
  await done;
  expect(asked.length).toBe(2);
  expect(shown).toEqual({ 0: "A" });
});

test("a failure is reported, and the next request tries again", async () => {
  const { asked, shown, newest, finish } = slowPainter();
  const done = newest.request(["a"]);
  asked[0].fail();
  await expect(done).rejects.toThrow("no more paint");
  const again = newest.request(["a"]);
  await finish();
  await again;
  expect(shown).toEqual({ 0: "A" });
});

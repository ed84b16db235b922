import { expect, test } from "vitest";
import { filmPlaces, framesAt } from "../../src/page/draw/film_way.ts";
import { atOnce } from "../../src/page/draw/protocol.ts";
import type { Place } from "../../src/train/walk.ts";

test("a frame every 40 ms, from the beginning up to, but without, the end, which equals the beginning", () => {
  const shares: number[] = [];
  const places = filmPlaces(400, (share): Place => {
    shares.push(share);
    return { kind: "cat", seed: 1, index: shares.length - 1 };
  });
  expect(shares).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
  expect(places.map((place) => (place as Place & { kind: "cat" }).index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("frames come in order, drawn a few at a time, and only on request", async () => {
  const places = Array.from({ length: 2 * atOnce + 1 }, (_, index): Place => ({ kind: "cat", seed: 1, index }));
  const drawn: number[] = [];
  const painter = {
    async draw(some: readonly Place[]) {
      drawn.push(some.length);
      return some.map((place) => place as unknown as ImageData);
    },
  };
  const frames = framesAt(places, painter);
  expect(drawn).toEqual([]);
  const seen = [(await frames.next()).value];
  expect(drawn).toEqual([atOnce]);
  for await (const frame of frames) seen.push(frame);
  expect(seen).toEqual(places);
  expect(drawn).toEqual([atOnce, atOnce, 1]);
});

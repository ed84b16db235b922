import { expect, test, vi } from "vitest";
import { Motion } from "../../src/page/draw/motion.ts";

/** A motion under a clock that only moves when something is drawn or waited for. */
function motionOf({ drawing = 0, reduced = false, frames = 10, failAt = Number.POSITIVE_INFINITY }) {
  let now = 1000;
  const moves: number[] = [];
  const waits: number[] = [];
  const changes: boolean[] = [];
  const errors: string[] = [];
  const motion: Motion = new Motion(
    {
      now: () => now,
      async wait(ms) {
        now += ms;
        waits.push(ms);
        if (waits.length === frames) motion.pause();
      },
      reducedMotion: () => reduced,
    },
    async (ms) => {
      if (moves.length === failAt) throw new Error("lost");
      moves.push(ms);
      now += drawing;
    },
    () => changes.push(motion.playing),
    (error) => errors.push(error.message),
  );
  return { motion, moves, waits, changes, errors, ended: () => vi.waitFor(() => expect(changes.at(-1)).toBe(false)) };
}

test("thirty pictures a second where drawing takes no time", async () => {
  const { motion, moves, waits, changes, ended } = motionOf({});
  motion.play();
  motion.play();
  await ended();
  expect(waits).toEqual(Array(10).fill(33));
  expect(moves).toEqual([0, ...Array(9).fill(33)]);
  expect(changes).toEqual([true, false]);
  await new Promise((resolve) => setTimeout(resolve));
  expect(moves.length).toBe(10);
});

test("slow drawing leaves the GPU to others for two thirds of the time, and motion keeps its speed", async () => {
  const { motion, moves, waits, ended } = motionOf({ drawing: 50 });
  motion.play();
  await ended();
  expect(waits).toEqual(Array(10).fill(100));
  expect(moves).toEqual([0, ...Array(9).fill(150)]);
});

test("after the browser paused the page for long, it continues where it was", async () => {
  const { motion, moves, ended } = motionOf({ drawing: 2000, frames: 3 });
  motion.play();
  await ended();
  expect(moves).toEqual([0, 200, 200]);
});

test("with reduced motion it is a series of stills", async () => {
  const { motion, moves, waits, ended } = motionOf({ reduced: true, drawing: 10, frames: 3 });
  motion.play();
  await ended();
  expect(moves).toEqual([500, 500, 500]);
  expect(waits).toEqual([1500, 1500, 1500]);
});

test("a failure ends it and is reported; it can be played again", async () => {
  const { motion, moves, changes, errors, ended } = motionOf({ failAt: 2 });
  motion.play();
  await ended();
  expect(errors).toEqual(["lost"]);
  expect(motion.playing).toBe(false);
  expect(changes).toEqual([true, false]);
  expect(moves.length).toBe(2);
  motion.play();
  expect(motion.playing).toBe(true);
  motion.pause();
});

import { expect, test } from "vitest";
import type { WorkerEvent } from "../../src/page/protocol.ts";
import { NoGpuError } from "../../src/page/train/device.ts";
import { GpuWait, pauses } from "../../src/page/train/gpu_wait.ts";

const none = () => new NoGpuError({ kind: "none", reason: "no adapter", detail: "no GPU at the moment" });

/** A browser that gives a GPU at the n-th attempt, and a clock that does not wait. */
function blocked(attempts: number, sleep = async (_: number) => {}) {
  const slept: number[] = [];
  const events: (WorkerEvent & { type: "gpu wait" })["wait"][] = [];
  const wait = new GpuWait(
    ({ wait }) => events.push(wait),
    async (ms) => {
      slept.push(ms / 1000);
      await sleep(ms);
    },
  );
  let tried = 0;
  const open = async () => {
    if (++tried < attempts) throw none();
    return "a device";
  };
  return { wait, open, slept, events, tried: () => tried };
}

test("if there is a GPU at once, there is no wait and no event", async () => {
  const { wait, open, slept, events } = blocked(1);
  expect(await wait.open(open)).toBe("a device");
  expect([slept, events]).toEqual([[], []]);
});

test("pauses grow until there is one, and each is reported", async () => {
  const { wait, open, slept, events } = blocked(4);
  expect(await wait.open(open)).toBe("a device");
  expect(slept).toEqual([2, 4, 8]);
  expect(events).toEqual([
    { seconds: 2, attempt: 1, attempts: 6 },
    { seconds: 4, attempt: 2, attempts: 6 },
    { seconds: 8, attempt: 3, attempts: 6 },
    null,
  ]);
});

test("it ends, after more than the two minutes for which Chromium blocks a page", async () => {
  const { wait, open, slept, events, tried } = blocked(100);
  await expect(wait.open(open)).rejects.toThrow(NoGpuError);
  expect([slept, tried(), events.at(-1)]).toEqual([[...pauses], 7, null]);
  expect(slept.reduce((sum, seconds) => sum + seconds, 0)).toBeGreaterThan(120);
});

test("the user may try at once, or give up; other errors are passed on", async () => {
  const never = () => new Promise<void>(() => {});
  const eager = blocked(2, never);
  const opened = eager.wait.open(eager.open);
  await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve, 5));
  eager.wait.tryNow();
  expect(await opened).toBe("a device");

  const patient = blocked(9, never);
  const given = patient.wait.open(patient.open);
  await new Promise((resolve) => setTimeout(resolve, 5));
  patient.wait.giveUp();
  await expect(given).rejects.toThrow(NoGpuError);
  expect(patient.events.at(-1)).toBeNull();

  const broken = async () => {
    throw new TypeError("another");
  };
  await expect(patient.wait.open(broken)).rejects.toThrow(TypeError);
});

import { expect, it } from "vitest";
import { Gate } from "../../src/data/gate.ts";

it("starts tasks in order while they fit, and one that never fits alone", async () => {
  const gate = new Gate(10);
  const log: string[] = [];
  const finish: Record<string, (error?: Error) => void> = {};
  const start = (name: string, weight: number) =>
    gate.pass(weight, async () => {
      log.push(name);
      await new Promise<void>((resolve, reject) => {
        finish[name] = (error) => (error ? reject(error) : resolve());
      });
      return name;
    });
  const settle = () => new Promise((resolve) => setTimeout(resolve));
  const all = [start("a", 4), start("b", 6), start("huge", 99), start("c", 1)];
  await settle();
  expect(log).toEqual(["a", "b"]);
  finish.a();
  await settle();
  // c would fit, but huge is first.
  expect(log).toEqual(["a", "b"]);
  finish.b(new Error("damaged"));
  await expect(all[1]).rejects.toThrow("damaged");
  await settle();
  expect(log).toEqual(["a", "b", "huge"]);
  finish.huge();
  await settle();
  expect(log).toEqual(["a", "b", "huge", "c"]);
  finish.c();
  expect(await Promise.all([all[0], all[2], all[3]])).toEqual(["a", "huge", "c"]);
});

import { deflateRawSync, deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { inflate as inflateInNode } from "../../../src/cli/inflate.ts";
import { InflateError } from "../../../src/data/inflate.ts";
import { browserInflating } from "../../../src/page/pictures/inflate.ts";
import { randomNumbers } from "../../../src/verify/lab.ts";
import { bombOf, mutate, peakMiB } from "../../cli/hostile.ts";

const { inflate, inflateBeginning } = browserInflating;

const random = randomNumbers(7);
const noise = (length: number) => Uint8Array.from({ length }, () => random() * 256);
const text = (words: string) => new TextEncoder().encode(words);

async function faultOf(work: () => Uint8Array | Promise<Uint8Array>): Promise<string> {
  try {
    return `${(await work()).length} bytes`;
  } catch (error) {
    expect(error).toBeInstanceOf(InflateError);
    return (error as InflateError).fault;
  }
}

describe("inflating in a browser", () => {
  it("gives what was deflated", async () => {
    for (const bytes of [new Uint8Array(0), text("cat"), noise(100_000), new Uint8Array(3_000_000)]) {
      for (const atMost of [bytes.length, bytes.length + 10]) {
        expect(Buffer.compare(await inflate(deflateSync(bytes), "zlib", atMost), bytes)).toBe(0);
        expect(Buffer.compare(await inflate(deflateRawSync(bytes), "raw", atMost), bytes)).toBe(0);
      }
    }
  });

  it("finds the same faults as in Node", async () => {
    const bytes = noise(40_000);
    const whole = deflateSync(bytes);
    const broken = Uint8Array.from(whole);
    broken.fill(255, 2, 40);
    for (const [data, atMost, fault] of [
      [whole, 39_999, "too long"],
      [whole, 0, "too long"],
      [whole.subarray(0, 30_000), 40_000, "broken"],
      [broken, 40_000, "broken"],
      [new Uint8Array(0), 40_000, "broken"],
      [Buffer.concat([whole, noise(100_000)]), 40_000, "40000 bytes"],
    ] as const) {
      expect(await faultOf(() => inflateInNode(data, "zlib", atMost))).toBe(fault);
      expect(await faultOf(() => inflate(data, "zlib", atMost))).toBe(fault);
    }
  });

  it("of any data ends, with bytes or an error", async () => {
    const original = deflateRawSync(text("cats ".repeat(200)));
    for (let i = 0; i < 500; i++) await faultOf(() => inflate(mutate(original, random), "raw", 1000));
  });

  it("of a bomb stops at the limit", async () => {
    const bomb = bombOf(new Uint8Array(0), 300);
    const before = peakMiB();
    expect(await faultOf(() => inflate(bomb, "raw", 2 ** 20))).toBe("too long");
    expect(peakMiB() - before).toBeLessThan(96);
  });

  it("of a beginning gives as much as possible", async () => {
    const bytes = noise(100_000);
    const beginning = await inflateBeginning(deflateRawSync(bytes).subarray(0, 1024));
    expect([...beginning.subarray(0, 8)]).toEqual([...bytes.subarray(0, 8)]);
    const short = await inflateBeginning(deflateRawSync(text("a")));
    expect([...short]).toEqual([97]);
    // Blocks of nothing: there may never be a first byte.
    const nothing = Buffer.from("000000ffff".repeat(200), "hex");
    await expect(inflateBeginning(nothing)).rejects.toThrow();
    await expect(inflateBeginning(noise(1).fill(255))).rejects.toThrow();
  });
});

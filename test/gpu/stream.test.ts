import { describe, expect, test } from "vitest";
import { GpuError } from "../../src/gpu/gpu.ts";
import { program } from "../../src/gpu/program.ts";
import { Stream } from "../../src/gpu/stream.ts";
import { Tensor } from "../../src/gpu/tensor.ts";
import { accumulate, add, fill, leakyRelu, tanh } from "../../src/kernels/elementwise.ts";
import { randomNumbers } from "../../src/verify/lab.ts";
import { testStream } from "../kernels/gpu.ts";
import { withShaders } from "../kernels/mutant.ts";

const list = async (stream: Stream, tensor: Tensor) => [...(await stream.read(tensor))];

describe("temporaries", () => {
  test("after release, their buffers are reused", async () => {
    const stream = await testStream();
    const first = stream.temporary("first", [100]);
    stream.release(first);
    const before = { ...stream.gpu.counts };
    const second = stream.temporary("second", [10, 9]);
    expect(second.buffer).toBe(first.buffer);
    expect(second.shape).toEqual([10, 9]);
    const third = stream.temporary("third", [100]);
    expect(third.buffer).not.toBe(first.buffer);
    stream.release(second);
    stream.release(third);
    expect(stream.gpu.counts.buffers).toBe(before.buffers + 1);
    // Neither too small nor wastefully large a buffer is taken.
    expect([first.buffer, third.buffer]).not.toContain(stream.temporary("larger", [101]).buffer);
    expect([first.buffer, third.buffer]).not.toContain(stream.temporary("smaller", [10]).buffer);
  });

  test("the best fit is taken", async () => {
    const stream = await testStream();
    const [large, small] = [stream.temporary("large", [200]), stream.temporary("small", [120])];
    stream.release(large);
    stream.release(small);
    expect(stream.temporary("t", [104]).buffer).toBe(small.buffer);
  });

  test("releasing one twice, or a persistent tensor, is an error", async () => {
    const stream = await testStream();
    const tensor = stream.temporary("t", [4]);
    stream.release(tensor);
    expect(() => stream.release(tensor)).toThrow("release: t [4] is not a live temporary");
    expect(() => stream.release(stream.persistent("p", [4]))).toThrow("release: p [4] is not a live temporary");
    expect(stream.liveTemporaries).toBe(0);
  });
});

describe("the memory plan of a captured step", () => {
  /**
   * How many temporaries of a random program were overwritten while they lived: each is filled when it begins and copied
   * out when it ends.
   * @param early gives each back right after it was filled, as a wrong plan would
   */
  async function overwritten(seed: number, early: boolean): Promise<number> {
    const stream = await testStream();
    const next = randomNumbers(seed);
    const results: { value: number; copy: Tensor }[] = [];
    const recording = await stream.capture("random program", () => {
      const live: { value: number; tensor: Tensor }[] = [];
      const end = (at: number) => {
        const [{ value, tensor }] = live.splice(at, 1);
        const copy = stream.persistent("copy", [tensor.size]);
        accumulate(stream, tensor, copy);
        results.push({ value, copy });
        if (!early) stream.release(tensor);
      };
      for (let value = 1; value <= 40; value++) {
        const tensor = stream.temporary("t", [1 + Math.floor(next() * 300)]);
        fill(stream, tensor, value);
        if (early) stream.release(tensor);
        live.push({ value, tensor });
        while (live.length > 0 && next() < 0.45) end(Math.floor(next() * live.length));
      }
      while (live.length > 0) end(0);
    });
    await stream.replay(recording);
    let wrong = 0;
    for (const { value, copy } of results) {
      if (!(await list(stream, copy)).every((number) => number === value)) wrong++;
      stream.destroy(copy);
    }
    return wrong;
  }

  test.each([1, 2, 3, 4, 5, 6, 7, 8])("no two live tensors overlap, random program %i", async (seed) => {
    expect(await overwritten(seed, false)).toBe(0);
  });

  test("control: tensors released too early do", async () => {
    expect(await overwritten(1, true)).toBeGreaterThan(0);
  });
});

describe("order", () => {
  test("writes, kernels and reads happen as they were appended", async () => {
    const stream = await testStream();
    const [a, y] = [stream.persistent("a", [2]), stream.persistent("y", [2])];
    stream.write(a, Float32Array.of(1, 2));
    accumulate(stream, a, y);
    stream.write(a, Float32Array.of(10, 20));
    accumulate(stream, a, y);
    accumulate(stream, a, y);
    expect(await list(stream, y)).toEqual([21, 42]);
    expect(await list(stream, a)).toEqual([10, 20]);
  });

  test("a read sees its own point in the stream, whatever comes later", async () => {
    const stream = await testStream();
    const y = stream.persistent("y", [1]);
    const reads: Promise<Float32Array>[] = [];
    for (let i = 0; i < 10; i++) {
      fill(stream, y, i);
      reads.push(stream.read(y));
    }
    expect((await Promise.all(reads)).map(([value]) => value)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("work that waits for its compiler is not overtaken", async () => {
    const { gpu } = await testStream();
    await program(gpu, ["fill"]).compiled;
    // New programs: leaky_relu is still compiling when the flush after it is ready to go.
    const fresh = withShaders(gpu, (code) => code);
    await program(fresh, ["fill"]).compiled;
    const stream = new Stream(fresh);
    const [x, y] = [stream.from("x", [1], [7]), stream.persistent("y", [1])];
    await stream.flush();
    leakyRelu(stream, x, y, 0.2);
    const early = stream.flush();
    fill(stream, y, 5);
    const late = stream.flush();
    await Promise.all([early, late]);
    expect(await list(stream, y)).toEqual([5]);
  });
});

describe("capture and replay", () => {
  async function scene() {
    const stream = await testStream();
    const [a, b, y] = ["a", "b", "y"].map((label) => stream.persistent(label, [300]));
    const step = () => {
      const sum = stream.temporary("sum", [300]);
      add(stream, a, b, sum);
      const slope = stream.temporary("slope", [300]);
      leakyRelu(stream, sum, slope, 0.25);
      stream.release(sum);
      accumulate(stream, slope, y);
      stream.release(slope);
    };
    const set = (seed: number) => {
      const numbers = (shift: number) => Float32Array.from({ length: 300 }, (_, i) => ((i * seed + shift) % 17) - 8);
      stream.write(a, numbers(1));
      stream.write(b, numbers(5));
    };
    return { stream, a, b, y, step, set };
  }

  test("a replay computes what the eager step does", async () => {
    const eager = await scene();
    for (const seed of [3, 4, 5]) {
      eager.set(seed);
      eager.step();
    }
    const captured = await scene();
    const recording = await captured.stream.capture("step", captured.step);
    // Captured, not run.
    expect(await list(captured.stream, captured.y)).toEqual(new Array(300).fill(0));
    const before = { ...captured.stream.gpu.counts };
    for (const seed of [3, 4, 5]) {
      captured.set(seed);
      await captured.stream.replay(recording);
    }
    await captured.stream.idle();
    expect(captured.stream.gpu.counts).toEqual(before);
    const expected = await list(eager.stream, eager.y);
    expect(await list(captured.stream, captured.y)).toEqual(expected);
    expect(expected.some((value) => value !== 0)).toBe(true);
  });

  test("work appended before and after a replay stays before and after it, awaited or not", async () => {
    const { stream, y, step, set } = await scene();
    set(3);
    const recording = await stream.capture("step", step);
    fill(stream, y, 0);
    const replayed = stream.replay(recording);
    const once = stream.read(y);
    fill(stream, y, 9);
    await replayed;
    expect(await list(stream, y)).toEqual(new Array(300).fill(9));
    expect([...(await once)].some((value) => value !== 0 && value !== 9)).toBe(true);
  });

  test("a replay is refused while a temporary lives, whose buffer it would overwrite", async () => {
    const { stream, step } = await scene();
    const recording = await stream.capture("step", step);
    const temporary = stream.temporary("t", [300]);
    await expect(stream.replay(recording)).rejects.toThrow("replay: step would overwrite 1 live temporaries");
    stream.release(temporary);
    await stream.replay(recording);
    await stream.idle();
  });

  test("only kernels can be captured, one capture at a time; a failed one leaves the stream usable", async () => {
    const { stream, a, y } = await scene();
    await expect(stream.capture("step", () => stream.write(a, new Float32Array(300)))).rejects.toThrow(
      "write: a [300] cannot be written while a step is captured",
    );
    let inner: Promise<unknown> = Promise.resolve();
    await stream.capture("outer", () => {
      inner = stream.capture("inner", () => {}).catch((error: unknown) => error);
    });
    expect(await inner).toEqual(new Error("capture: inner cannot start inside another capture"));
    fill(stream, y, 3);
    expect((await stream.read(y))[0]).toBe(3);
  });
});

describe("cutting", () => {
  test("a tiny budget makes more submits, the same numbers", async () => {
    const results: number[][] = [];
    const submits: number[] = [];
    for (const budget of [100, 1e-9]) {
      const stream = await testStream();
      stream.pacing.submitBudget = budget;
      const [x, y] = [
        stream.from(
          "x",
          [500],
          Array.from({ length: 500 }, (_, i) => i / 100),
        ),
        stream.persistent("y", [500]),
      ];
      const step = () => {
        for (let i = 0; i < 6; i++) {
          tanh(stream, x, y);
          accumulate(stream, y, x);
        }
      };
      await stream.flush();
      const before = stream.pacing.submits;
      step();
      await stream.replay(await stream.capture("step", step));
      await stream.idle();
      submits.push(stream.pacing.submits - before);
      expect(stream.pacing.dispatches).toBe(24);
      results.push(await list(stream, x));
    }
    expect(results[1]).toEqual(results[0]);
    expect(submits[0]).toBeLessThanOrEqual(4);
    expect(submits[1]).toBe(24);
  });
});

describe("errors", () => {
  const tooSmall = (stream: Stream) => new Tensor("bad", [100], stream.gpu.createBuffer("bad", 16, 0x80));
  const wrongUsage = (stream: Stream) => new Tensor("bad", [4], stream.gpu.createBuffer("bad", 16, 0x8));

  test.each([
    ["a buffer that is too small", tooSmall],
    ["a buffer that is no storage", wrongUsage],
  ])("%s: the error names the kernel, and the stream lives on", async (_, make) => {
    const stream = await testStream();
    const bad = make(stream);
    const y = stream.persistent("y", bad.shape);
    leakyRelu(stream, bad, y, 0.2);
    const error = await stream.flush().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(GpuError);
    expect((error as Error).message).toMatch(/^leaky_relu: .*bad/);
    await expect(stream.capture("step", () => leakyRelu(stream, bad, y, 0.2))).rejects.toThrow(/^leaky_relu: .*bad/);
    fill(stream, y, 2);
    expect((await stream.read(y))[0]).toBe(2);
  });

  test("reading and writing one buffer at once is refused, also when captured", async () => {
    const stream = await testStream();
    const y = stream.persistent("y", [4]);
    accumulate(stream, y, y);
    await expect(stream.flush()).rejects.toThrow(/"y"/);
    await expect(stream.capture("step", () => accumulate(stream, y, y))).rejects.toThrow(GpuError);
  });

  test("numbers that do not fit the tensor", async () => {
    const stream = await testStream();
    expect(() => stream.from("t", [2, 3], [1, 2])).toThrow("from: t [2,3] needs 6 numbers, got 2");
  });
});

describe("tensors", () => {
  test("reshape and slice are views of one buffer", async () => {
    const stream = await testStream();
    const t = stream.from(
      "t",
      [3, 64],
      Array.from({ length: 192 }, (_, i) => i),
    );
    expect(await list(stream, t.slice(1, 2))).toEqual(Array.from({ length: 64 }, (_, i) => 64 + i));
    expect(t.slice(1, 3).reshape([128]).offset).toBe(256);
    expect(() => t.reshape([5])).toThrow("reshape: t [3,64] has 192 elements, [5] would have 5");
    expect(() => t.slice(2, 4)).toThrow("slice: [2, 4) is outside the first axis of t [3,64]");
  });

  test("words come back as they are", async () => {
    const stream = await testStream();
    const t = stream.persistent("t", [3]);
    stream.write(t, Uint32Array.of(0xffffffff, 0x7fc00001, 7));
    expect([...new Uint32Array(await stream.readBytes(t)).subarray(0, 3)]).toEqual([0xffffffff, 0x7fc00001, 7]);
  });
});

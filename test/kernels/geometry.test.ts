import { describe, expect, test } from "vitest";
import { Tensor } from "../../src/gpu/tensor.ts";
import { batchPieces, samePadding } from "../../src/kernels/geometry.ts";
import * as reference from "../../src/reference/conv2d.ts";
import { randomNumbers } from "../../src/verify/lab.ts";

const tensor = (...shape: number[]) => new Tensor("t", shape, null as unknown as GPUBuffer);

test("SAME padding equals the references'", () => {
  for (let size = 1; size <= 12; size++) {
    for (let kernel = 1; kernel <= 7; kernel++) {
      for (let stride = 1; stride <= 5; stride++) {
        const { out, before } = reference.samePadding(size, kernel, stride);
        expect(samePadding(size, kernel, stride)).toEqual({ out, before });
      }
    }
  }
});

describe("pieces of a batch", () => {
  test("one if everything fits", () => {
    expect(batchPieces({ bindingBytes: 4096, offsetAlignment: 256 }, [tensor(10, 100)])).toEqual([[0, 10]]);
  });

  test("cover the batch in order, start on the alignment, fit a binding, or are refused", () => {
    const next = randomNumbers(1);
    const int = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
    let pieced = 0;
    for (let round = 0; round < 2000; round++) {
      const N = int(1, 200);
      const tensors = [tensor(N, 2 ** int(0, 6) * int(1, 3)), tensor(N, int(1, 5), 2 ** int(0, 4))];
      const limits = { bindingBytes: 256 * int(2, 60), offsetAlignment: 256 };
      let pieces: [number, number][];
      try {
        pieces = batchPieces(limits, tensors);
      } catch (error) {
        expect((error as Error).message).toMatch(/^one entry of .* does not fit this GPU's bindings of \d+ bytes: try/);
        continue;
      }
      if (pieces.length > 1) pieced++;
      expect(pieces[0][0]).toBe(0);
      expect(pieces[pieces.length - 1][1]).toBe(N);
      for (const [i, [first, end]] of pieces.entries()) {
        if (i > 0) expect(first).toBe(pieces[i - 1][1]);
        expect(end).toBeGreaterThan(first);
        for (const whole of tensors) {
          const piece = whole.slice(first, end);
          expect(piece.offset % limits.offsetAlignment).toBe(0);
          expect(piece.bytes).toBeLessThanOrEqual(limits.bindingBytes);
        }
      }
    }
    expect(pieced).toBeGreaterThan(100);
  });
});

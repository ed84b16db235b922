/** Shaders as the site has them: other names, the same numbers. */
import { expect, test } from "vitest";
import { Stream } from "../../src/gpu/stream.ts";
import { slimShader } from "../../vite.config.ts";
import { checkOf, misses } from "../kernels/check_table.ts";
import { testStream } from "../kernels/gpu.ts";
import { withShaders } from "../kernels/mutant.ts";

test.each(["conv2dFilterGradient", "batchNormLeakyRelu", "noiseTruncatedNormal", "adam", "augment", "sampleGrid"])(
  "%s",
  async (kernel) => {
    const slim = withShaders((await testStream()).gpu, (code) => {
      const changed = slimShader(code);
      expect(changed).not.toMatch(/\blane\b/);
      return changed;
    });
    const check = checkOf(kernel);
    expect(await misses(new Stream(slim), check, check.shapes.slice(0, 2))).toEqual([]);
  },
);

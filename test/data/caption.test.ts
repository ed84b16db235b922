import { expect, test } from "vitest";
import { withCaption } from "../../src/data/caption.ts";

test("the image, and below it a line that can be read", () => {
  const [width, height] = [48, 3];
  const rgba = Uint8Array.from({ length: width * height * 4 }, (_, i) => i % 251);
  const captioned = withCaption({ width, height, rgba }, "step 1078");
  expect([captioned.width, captioned.height]).toEqual([48, 3 + 9]);
  expect(captioned.rgba.subarray(0, rgba.length)).toEqual(rgba);
  const strip = Array.from({ length: 9 }, (_, v) =>
    Array.from({ length: width }, (_, u) => {
      const [r, , , a] = captioned.rgba.subarray(((height + v) * width + u) * 4);
      expect([24, 212]).toContain(r);
      expect(a).toBe(255);
      return r === 212 ? "#" : " ";
    })
      .join("")
      .trimEnd(),
  );
  expect(strip).toEqual([
    "",
    "",
    "   ## ### ### ###      #  ### ### ###",
    "  #    #  #   # #     ##  # #   # # #",
    "   #   #  ##  ###      #  # #   # ###",
    "    #  #  #   #        #  # #  #  # #",
    "  ##   #  ### #       ### ###  #  ###",
    "",
    "",
  ]);
});

test("what does not fit is cut off", () => {
  const { width, height } = withCaption({ width: 5, height: 1, rgba: new Uint8Array(20) }, "step 1000000");
  expect([width, height]).toEqual([5, 10]);
});

import { describe, expect, test } from "vitest";
import { repeat } from "../../src/gpu/repeat.ts";

const sizes: Record<string, number> = { ROWS: 2, QUADS: 3, NONE: 0 };
const value = (name: string) => {
  if (!(name in sizes)) throw new Error(`no ${name}`);
  return sizes[name];
};
const expand = (...lines: string[]) => repeat(lines.join("\n"), value).text.split("\n");

describe("@repeat", () => {
  test("repeats the statement below it, with the index as a number and in names", () => {
    expect(expand("a", "  // @repeat i in 0..ROWS", "  let row_i = at(row + i, i_rows, ii);", "b")).toEqual([
      "a",
      "  let row_0 = at(row + 0u, i_rows, ii);",
      "  let row_1 = at(row + 1u, i_rows, ii);",
      "b",
    ]);
  });

  test("nests, the last index innermost, and starts anywhere", () => {
    expect(expand("// @repeat i in 0..ROWS", "// @repeat j in 1..QUADS", "y_i_j += x_i * b_j;")).toEqual([
      "y_0_1 += x_0 * b_1;",
      "y_0_2 += x_0 * b_2;",
      "y_1_1 += x_1 * b_1;",
      "y_1_2 += x_1 * b_2;",
    ]);
    expect(expand("// @repeat i in 0..NONE", "a_i", "b")).toEqual(["b"]);
  });

  test("repeats a group without its braces, and nested repetitions", () => {
    expect(
      expand("// @repeat i in 0..ROWS", "{", "  let x_i = 1;", "  // @repeat j in 0..2", "  y_i_j += x_i;", "}", "end"),
    ).toEqual([
      "let x_0 = 1;",
      "y_0_0 += x_0;",
      "y_0_1 += x_0;",
      "let x_1 = 1;",
      "y_1_0 += x_1;",
      "y_1_1 += x_1;",
      "end",
    ]);
  });

  test("repeats a whole statement of several lines, and items of a list", () => {
    expect(expand("// @repeat i in 0..ROWS", "let b_i = f(", "  // @repeat s in 0..2", "  c_i_s,", ");")).toEqual([
      "let b_0 = f(",
      "  c_0_0,",
      "  c_0_1,",
      ");",
      "let b_1 = f(",
      "  c_1_0,",
      "  c_1_1,",
      ");",
    ]);
  });

  test("knows where every line comes from", () => {
    const { lines } = repeat("a\n// @repeat i in 0..2\nb_i\n// @repeat i in 0..2\n{\n  c_i\n  d_i\n}\ne", value);
    expect(lines).toEqual([1, 3, 3, 6, 7, 6, 7, 9]);
  });

  test("leaves comments alone", () => {
    expect(expand("// @repeat i in 0..1", "{", "  // row i", "  a_i;", "}")).toEqual(["// row i", "a_0;"]);
  });

  test.each([
    [["// @repeat i to 3", "a"], "line 1: expected // @repeat <index> in <first>..<end>, got // @repeat i to 3"],
    [["a", "// @repeat i in 0..MANY", "a"], "no MANY"],
    [["// @repeat i in 0..2"], "line 1: @repeat has no statement below it"],
    [["// @repeat i in 0..2", "", "a"], "line 1: @repeat has no statement below it"],
    [["// @repeat i in 0..2", "{", "  a_i"], "line 1: the brackets below @repeat are not closed"],
  ])("%j is an error", (lines, message) => {
    expect(() => expand(...lines)).toThrow(message);
  });
});

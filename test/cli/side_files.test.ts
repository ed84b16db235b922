import { beforeEach, expect, test } from "vitest";
import { SideFiles } from "../../src/cli/side_files.ts";
import { UserError } from "../../src/cli/user_error.ts";

let reports: string[];
let written: string[];
let full: boolean;
let side: SideFiles;

const work = (what: string) => async () => {
  if (full) throw new UserError(`cannot write ${what[0]}: no space`);
  written.push(what);
};

beforeEach(() => {
  [reports, written, full] = [[], [], false];
  side = new SideFiles((message) => reports.push(message));
});

test("what cannot be written is reported once, and written later, in order", async () => {
  await side.write("a", work("a1"));
  full = true;
  await side.write("a", work("a2"));
  await side.write("b", work("b1"));
  await side.write("a", work("a3"));
  expect(written).toEqual(["a1"]);
  expect(reports).toEqual(
    ["a", "b"].map((name) => `cannot write ${name}: no space. Training continues, and this will be tried again`),
  );
  full = false;
  await side.write("c", work("c1"));
  expect(written).toEqual(["a1", "a2", "b1", "a3", "c1"]);
  expect(reports.slice(2)).toEqual(["a has now been written", "b has now been written"]);
  await side.finish();
  expect(reports).toHaveLength(4);
});

test("what is still missing at the end is reported", async () => {
  full = true;
  await side.write("a", work("a1"));
  await side.finish();
  expect(reports.at(-1)).toBe("a could not be written");
});

test("waiting grids do not fill the memory", async () => {
  full = true;
  for (let i = 0; i < 5; i++) await side.write(`grid ${i}`, work(`grid ${i}`), 2 ** 26);
  await side.write("rows", work("rows"));
  full = false;
  await side.finish();
  expect(written).toEqual(["grid 1", "grid 2", "grid 3", "grid 4", "rows"]);
  expect(reports.at(-1)).toBe("1 grids could not be written");
});

test("attempts are not kept", async () => {
  full = true;
  await side.attempt("a", work("a1"));
  await side.attempt("a", work("a1"));
  expect(reports).toHaveLength(1);
  full = false;
  await side.finish();
  expect(written).toEqual([]);
});

test("a defect is not treated like a full disk", async () => {
  const defect = async () => {
    throw new TypeError("x is undefined");
  };
  await expect(side.write("a", defect)).rejects.toThrow("x is undefined");
  await expect(side.attempt("a", defect)).rejects.toThrow("x is undefined");
});

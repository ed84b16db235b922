import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lossRow, metricsRow, metricsTable } from "../../src/cli/run_rows.ts";
import { parseTable, RunTable } from "../../src/cli/run_table.ts";

const columns = ["step", "epoch", "d_loss", "ms"];
const header = "step,epoch,d_loss,ms\n";

let dir: string;
let path: string;
let table: RunTable;
const text = () => readFileSync(path, "utf8");
const row = (step: number) => ({ step: String(step), epoch: "1", d_loss: "0.5", ms: "20.0" });
const line = (step: number) => `${step},1,0.5,20.0\n`;
const lines = (...steps: number[]) => header + steps.map(line).join("");

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "catgan-table-"));
  path = join(dir, "losses.csv");
  table = new RunTable(path, columns);
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("rows are appended; a run that goes back cuts off later ones", async () => {
  expect(await table.append([row(1), row(2)])).toBeNull();
  await table.append([]);
  await table.append([row(3), row(10)]);
  expect(text()).toBe(lines(1, 2, 3, 10));
  expect(await table.rewind(3)).toBeNull();
  expect(text()).toBe(lines(1, 2, 3));
  await new RunTable(path, columns).rewind(0);
  expect(text()).toBe(header);
  rmSync(path);
  await table.append([row(1)]);
  expect(text()).toBe(lines(1));
});

test("a line that a crash cut short is dropped: 3 of step 34 would pass for step 3", async () => {
  for (const torn of ["3", "3,1", "3,1,0.5"]) {
    writeFileSync(path, `${lines(1, 2)}${torn}`);
    expect(await table.rewind(5)).toBeNull();
    expect(text()).toBe(lines(1, 2));
  }
  expect(readdirSync(dir)).toEqual(["losses.csv"]);
});

test("an earlier process's row without a line end stays a separate row", async () => {
  await table.append([row(1)]);
  appendFileSync(path, "2,1,0.5,20.0");
  await table.append([row(3)]);
  expect(text()).toBe(lines(1, 2, 3));
});

const saved: [how: string, content: string | Buffer][] = [
  ["CRLF", lines(1, 2).replaceAll("\n", "\r\n")],
  ["LF and CRLF mixed", `${header.replace("\n", "\r\n")}${line(1)}${line(2)}`],
  ["CR", lines(1, 2).replaceAll("\n", "\r")],
  ["semicolons", lines(1, 2).replaceAll(",", ";")],
  ["semicolons and decimal commas", "step;epoch;d_loss;ms\n1;1;0,5;20,0\n2;1;0,5;20,0\n"],
  ["tabs", lines(1, 2).replaceAll(",", "\t")],
  ["quotes", '"step","epoch","d_loss","ms"\r\n"1","1","0.5","20.0"\r\n"2","1","0.5","20.0"\r\n'],
  ["a byte order mark", `\ufeff${lines(1, 2)}`],
  ["UTF-16", Buffer.from(`\ufeff${lines(1, 2).replaceAll(",", "\t")}`, "utf16le")],
  ["a separator line", `sep=;\r\n${lines(1, 2).replaceAll(",", ";")}`],
  ["another order of columns", "ms,d_loss,step,epoch\n20.0,0.5,1,1\n20.0,0.5,2,1\n"],
  ["empty lines and columns", `${header.trimEnd()},,\n1,1,0.5,20.0,,\n,,,,,\n\n2,1,0.5,20.0,,\n\n`],
  ["capitals and spaces", "Step, Epoch, D_Loss, MS\n1, 1, 0.5, 20.0\n 2 , 1 , 0.5 , 20.0\n"],
  ["no line end", lines(1, 2).trimEnd()],
];

test.each(saved)("saved by a spreadsheet with %s: every row stays, and later ones follow", async (_, content) => {
  writeFileSync(path, content);
  expect(await table.rewind(2)).toBeNull();
  expect(text()).toBe(lines(1, 2));
  await table.append([row(3)]);
  expect(text()).toBe(lines(1, 2, 3));
  // Edited while the run goes on.
  writeFileSync(path, content);
  expect(await table.append([row(3)])).toBeNull();
  expect(text()).toBe(lines(1, 2, 3));
  expect(readdirSync(dir)).toEqual(["losses.csv"]);
});

test("rows with CRLF under a header with LF", async () => {
  writeFileSync(path, `${header}${line(1).replace("\n", "\r\n")}${line(2)}`);
  expect(await table.rewind(2)).toBeNull();
  expect(text()).toBe(lines(1, 2));
});

test("the user's columns stay, after ours", async () => {
  writeFileSync(path, 'note;step;epoch;d_loss;ms;"my; mean"\nfirst;1;1;0,5;20;"1,5"\n;2;1;0,5;20;\n');
  expect(await table.rewind(9)).toBeNull();
  expect(text()).toBe('step,epoch,d_loss,ms,note,my; mean\n1,1,0.5,20,first,"1,5"\n2,1,0.5,20,,\n');
  await table.append([row(3)]);
  expect(text().endsWith("\n3,1,0.5,20.0,,\n")).toBe(true);
});

test("columns that an earlier version did not have are empty for its rows", async () => {
  writeFileSync(path, "step,epoch,d_loss\n1,1,0.5\n");
  await table.rewind(1);
  await table.append([row(2)]);
  expect(text()).toBe(`${header}1,1,0.5,\n${line(2)}`);
});

test("lines that are not rows are kept in a copy under another name, and rows stay", async () => {
  const broken = `${header}${line(1)}2,1,abc,20.0\n=SUM(A1:A9),,,\n3,1,0.5,20.0,extra\n-4,1,0.5,20.0\n${line(5)}`;
  writeFileSync(path, broken);
  const said = await table.rewind(9);
  expect(said).toBe(
    `${path} has 4 lines that are not rows of step,epoch,d_loss,ms: a copy is kept as ${join(dir, "losses-unreadable-1.csv")}, other rows stay`,
  );
  expect(readFileSync(join(dir, "losses-unreadable-1.csv"), "utf8")).toBe(broken);
  expect(text()).toBe(lines(1, 5));
  writeFileSync(path, "dear diary\n");
  expect(await table.append([row(1)])).toContain("losses-unreadable-2.csv");
  expect(text()).toBe(lines(1));
  expect(existsSync(join(dir, "losses-unreadable-1.csv"))).toBe(true);
  writeFileSync(path, "step,step\n1,2\n");
  expect(await table.rewind(1)).toContain("losses-unreadable-3.csv");
});

test("numbers of every kind are numbers", () => {
  const values = ["NaN", "Infinity", "-Infinity", "1e-7", "+3.5", "", ".5", "0,5"];
  const bytes = (delimiter: string) =>
    new TextEncoder().encode(values.map((value) => ["1", "1", value, ""].join(delimiter)).join("\n"));
  const parse = (delimiter: string) =>
    parseTable(Buffer.concat([Buffer.from(header.replaceAll(",", delimiter)), bytes(delimiter)]), columns);
  expect(parse(";")).toMatchObject({ unreadable: 0 });
  expect(parse(";").rows.map((row) => row.d_loss)).toEqual([...values.slice(0, -1), "0.5"]);
});

test("metrics: columns by the pictures' size", async () => {
  const metrics = metricsTable(dir, { size: 32 });
  const levels = [
    { size: 32, value: 100 / 3 },
    { size: 16, value: 2 },
  ];
  await metrics.append([
    metricsRow(20, { swd: { levels, average: 17.5 }, floor: 2.5, msSsim: { fake: 0.25, real: 0.125 } }),
  ]);
  expect(readFileSync(join(dir, "metrics.csv"), "utf8")).toBe(
    "step,swd,floor,swd_32,swd_16,ms_ssim,ms_ssim_floor\n20,17.5000,2.50000,33.3333,2.00000,0.250000,0.125000\n",
  );
});

test("losses: the penalty is a column", () => {
  const record = { step: 8, epoch: 1, dLoss: 1.25, gLoss: 2 / 3, dReal: 0.75, dFake: Number.NaN, penalty: 0.125 };
  expect(lossRow({ ...record, ms: 123.456 })).toEqual({
    step: "8",
    epoch: "1",
    d_loss: "1.25000",
    g_loss: "0.666667",
    d_real: "0.750000",
    d_fake: "NaN",
    penalty: "0.125000",
    ms: "123.5",
  });
});

test("a folder that is gone is an error, which the caller may try again", async () => {
  const lost = new RunTable(join(dir, "nowhere", "losses.csv"), columns);
  await expect(lost.append([row(1)])).rejects.toThrow(/^cannot write .*losses\.csv: no such file or folder$/);
});

/** Which kernels a run uses: as chosen, measured, remembered, or as its checkpoint says. */
import { expect, test } from "vitest";
import { choiceKey } from "../../src/kernels/choices.ts";
import { chooseVariants } from "../../src/train/choose_variants.ts";
import { planTraining } from "../../src/train/plan.ts";
import { restore, saveState } from "../../src/train/save_restore.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { testStream } from "../kernels/gpu.ts";
import { smallConfig, smallTrainer, source } from "./small_run.ts";

const limits = { bufferBytes: 2 ** 30, bindingBytes: 2 ** 30, software: true };
const { convolutions } = await planTraining(smallConfig, limits);
const some = convolutions.slice(0, 2);
const keys = some.map(({ pass, geometry }) => choiceKey(pass, geometry)).sort();

function memory(text: string | null = null) {
  const kept = { text, reads: 0 };
  const of = {
    async read() {
      kept.reads++;
      return kept.text;
    },
    async write(text: string) {
      kept.text = text;
    },
  };
  return { kept, of };
}

test("on a software adapter auto is the table: nothing is measured or read", async () => {
  const { kept, of } = memory();
  const progress: number[] = [];
  await chooseVariants(await testStream(), some, "auto", of, (done) => progress.push(done));
  expect({ ...kept, progress }).toEqual({ text: null, reads: 0, progress: [] });
});

test("what was measured is remembered for the adapter, and only what is missing is measured again", async () => {
  const stream = await testStream();
  const { kept, of } = memory(
    JSON.stringify({ "another one": { rate: 5, choices: { a: "b" } }, broken: { rate: -1 } }),
  );
  const measured: number[] = [];
  const onProgress = (_: number, total: number) => measured.push(total);
  await chooseVariants(stream, some.slice(0, 1), "measure", of, onProgress);
  expect(measured).toEqual([1, 1]);
  await chooseVariants(stream, some, "measure", of, onProgress);
  expect(measured).toEqual([1, 1, 1, 1]);
  await chooseVariants(stream, some, "measure", of, onProgress);
  expect(measured).toEqual([1, 1, 1, 1]);
  const { "another one": other, ...rest } = JSON.parse(kept.text!);
  expect(other).toEqual({ rate: 5, choices: { a: "b" } });
  const [[name, { rate, choices }]] = Object.entries<{ rate: number; choices: Record<string, string> }>(rest);
  expect(name).toMatch(new RegExp(`^\\d+\\.\\d+\\.\\d+ ${stream.gpu.name.replace(/[()]/g, "\\$&")}$`));
  expect(rate).toBeGreaterThan(1e3);
  expect(Object.keys(choices).sort()).toEqual(keys);
});

test.each([
  ["torn", '{"0.1.0 a": {"rate'],
  ["of another kind", "[null]"],
])("a memory that is %s counts as none", async (_, text) => {
  const { kept, of } = memory(text);
  await chooseVariants(await testStream(), some.slice(0, 1), "measure", of, () => {});
  expect(Object.keys(JSON.parse(kept.text!))).toHaveLength(1);
});

test("a memory that cannot be written is no failure", async () => {
  const of = { ...memory().of, write: () => Promise.reject(new Error("full")) };
  await expect(chooseVariants(await testStream(), some.slice(0, 1), "measure", of, () => {})).resolves.toBeUndefined();
});

test("a restored run uses its checkpoint's choices, whatever the stream used before", async () => {
  const first = await smallTrainer();
  const table = Object.fromEntries(first.stream.choices.used);
  const key = Object.keys(table).find((key) => key.startsWith("forward") && table[key] !== "8x8")!;
  const begun = await testStream();
  begun.choices.chosen = new Map([[key, "8x8"]]);
  const trainer = new Trainer(begun, smallConfig, first.pictures);
  await trainer.prepare();
  await trainer.trainStep();
  const state = await saveState(trainer, source);
  expect(JSON.parse(state.metadata.machine).variants).toEqual({ ...table, [key]: "8x8" });

  const stream = await testStream();
  stream.choices.chosen = new Map([[key, "16x16"]]);
  const restored = new Trainer(stream, smallConfig, first.pictures);
  restore(restored, state);
  await restored.prepare();
  expect(stream.choices.used.get(key)).toBe("8x8");
  expect(Object.fromEntries(stream.choices.used)).toEqual({ ...table, [key]: "8x8" });
});

test("a plan with given choices names their programs", async () => {
  const table = await planTraining(smallConfig, limits);
  const [{ pass, geometry }] = table.convolutions.filter(({ pass }) => pass === "forward");
  const chosen = await planTraining(smallConfig, limits, new Map([[choiceKey(pass, geometry), "8x8"]]));
  const names = ({ programs }: typeof table) => new Set(programs.map((program) => JSON.stringify(program)));
  const more = [...names(chosen)].filter((name) => !names(table).has(name));
  expect(more.join()).toContain(`"gemm_nn"],"constants":{"ROWS":8,"QUADS":2,`);
});

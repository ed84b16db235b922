import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  checkpointPath,
  checkpointSteps,
  keepBest,
  readCheckpoint,
  removeOldCheckpoints,
  saveCheckpoint,
  setLaterAside,
} from "../../src/cli/checkpoint_files.ts";
import { UserError } from "../../src/cli/user_error.ts";
import { encodeSafetensors } from "../../src/train/safetensors.ts";
import { withoutChecksum } from "../train/without_checksum.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "catgan-checkpoints-"));
  mkdirSync(join(dir, "checkpoints"));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A checkpoint whose contents tell its step. */
function bytesOf(step: number): Uint8Array {
  return encodeSafetensors(new Map([["w", { shape: [3], data: Float32Array.from([step, 2, 3]) }]]), {
    step: String(step),
  });
}

async function save(...steps: number[]): Promise<void> {
  for (const step of steps) {
    await saveCheckpoint(dir, step, bytesOf(step));
    await removeOldCheckpoints(dir, step);
  }
}

const names = () => readdirSync(join(dir, "checkpoints")).sort();

test("names", () => {
  expect(checkpointPath("r", 1_234_567)).toBe(join("r", "checkpoints", "step-1234567.safetensors"));
});

test("keeps the newest three, and goes back as far as there are", async () => {
  await save(100, 200, 300, 1_000_000);
  expect(names()).toEqual(["step-000200.safetensors", "step-000300.safetensors", "step-1000000.safetensors"]);
  const steps = await Promise.all(
    [0, 1, 2, 3].map(async (back) => (await readCheckpoint(dir, undefined, back)).metadata.step),
  );
  expect(steps).toEqual(["1000000", "300", "200", "200"]);
});

test("saving never removes the file it wrote, whatever else is there", async () => {
  for (const step of [500, 600, 700]) writeFileSync(checkpointPath(dir, step), "damaged");
  await save(100);
  expect((await readCheckpoint(dir)).metadata.step).toBe("100");
});

test("keeps the best by SWD, from which no run resumes", async () => {
  await save(100);
  for (const [step, swd] of [
    [100, 50],
    [200, 31.256],
    [300, 31.26],
    [400, 40],
  ]) {
    await keepBest(dir, step, swd, async () => bytesOf(step));
  }
  expect(names()).toEqual(["best-step-000200-swd-31.26.safetensors", "step-000100.safetensors"]);
  expect((await readCheckpoint(dir)).metadata.step).toBe("100");
  const best = join(dir, "checkpoints", "best-step-000200-swd-31.26.safetensors");
  expect((await readCheckpoint(best)).metadata.step).toBe("200");
  // The same again, as after a rollback: it must not delete what it has just written.
  rmSync(best);
  writeFileSync(best.replace("31.26", "99.00"), bytesOf(1));
  await keepBest(dir, 200, 31.256, async () => bytesOf(200));
  expect(names()[0]).toBe("best-step-000200-swd-31.26.safetensors");
});

test("a damaged newest checkpoint: the one before it, with a warning", async () => {
  await save(100, 200);
  const path = checkpointPath(dir, 200);
  const whole = readFileSync(path);
  const flipped = Buffer.from(whole);
  flipped[whole.length - 1] ^= 0x40;
  for (const damaged of [whole.subarray(0, -1), flipped, Buffer.alloc(0)]) {
    writeFileSync(path, damaged);
    const found = await readCheckpoint(dir);
    expect(found.path).toBe(checkpointPath(dir, 100));
    expect(found.tensors.get("w")!.data[0]).toBe(100);
    expect(found.warning).toMatch(/^step-000200\.safetensors: safetensors: .* file is damaged; using .*step-000100/);
    expect(found.warning).not.toContain("\n");
  }
});

test("a newest checkpoint that is not what the caller needs: the one before it", async () => {
  await save(100, 200);
  const check = ({ metadata }: { metadata: Record<string, string> }) => {
    if (metadata.step === "200") throw new Error("checkpoint: its config is malformed");
  };
  const { metadata, warning } = await readCheckpoint(dir, check);
  expect([metadata.step, warning]).toEqual([
    "100",
    `step-000200.safetensors: checkpoint: its config is malformed; using ${checkpointPath(dir, 100)}`,
  ]);
});

test("a file without a checksum is read, with a note", async () => {
  await save(100);
  writeFileSync(checkpointPath(dir, 200), withoutChecksum(bytesOf(200)));
  const { metadata, warning, verified } = await readCheckpoint(dir);
  expect([metadata.step, verified]).toEqual(["200", false]);
  expect(warning).toBe("step-000200.safetensors has no checksum, so damage to it cannot be detected");
});

test("later checkpoints are set aside under free names", async () => {
  await save(100, 200, 300);
  await setLaterAside(dir, 100, "damaged");
  await save(200);
  await setLaterAside(dir, 100, "damaged");
  expect(names()).toEqual([
    "step-000100.safetensors",
    "step-000200.safetensors.damaged",
    "step-000200.safetensors.damaged-2",
    "step-000300.safetensors.damaged",
  ]);
});

test("no checkpoint that can be used: one line says why", async () => {
  await expect(readCheckpoint(dir)).rejects.toThrow(
    /no checkpoint in it, expected .*step-000800\.safetensors or the like$/,
  );
  writeFileSync(checkpointPath(dir, 1), "x");
  writeFileSync(checkpointPath(dir, 2), new Uint8Array(20));
  await expect(readCheckpoint(dir)).rejects.toThrow(/no checkpoint can be used: step-000002.*; step-000001.*$/);
  await expect(readCheckpoint(dir)).rejects.toThrow(UserError);
  await expect(readCheckpoint(join(dir, "nowhere"))).rejects.toThrow(/^cannot read .*nowhere: no such file or folder$/);
});

test("a folder that cannot be read is not a folder without checkpoints", async () => {
  rmSync(join(dir, "checkpoints"), { recursive: true });
  expect(await checkpointSteps(dir)).toEqual([]);
  writeFileSync(join(dir, "checkpoints"), "");
  await expect(checkpointSteps(dir)).rejects.toThrow(/^cannot read .*checkpoints: part of the path is not a folder$/);
});

test("reads a single file", async () => {
  const file = join(dir, "cat.safetensors");
  writeFileSync(file, bytesOf(7));
  expect(await readCheckpoint(file)).toMatchObject({ path: file, metadata: { step: "7" }, warning: null });
  truncateSync(file, 2);
  await expect(readCheckpoint(file)).rejects.toThrow(/^cat\.safetensors: safetensors: a file of 2 bytes/);
  await expect(readCheckpoint(file)).rejects.toThrow(UserError);
});

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  appendLosses,
  appendMetrics,
  checkpointPath,
  configPath,
  createRunFolder,
  defaultRunDir,
  keepBest,
  lossesPath,
  readCheckpoint,
  rewindRun,
  samplePath,
  saveCheckpoint,
  writeFileAtomically,
} from "../../src/cli/run_folder.ts";
import { UserError } from "../../src/cli/user_error.ts";
import { encodeSafetensors } from "../../src/train/safetensors.ts";

// The real file system, but one call can be made to fail, or never to return, which is what a crash looks like.
const disk = vi.hoisted(() => ({ open: null as unknown, rename: null as unknown }));
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  return {
    ...real,
    open: (...args: Parameters<typeof real.open>) => ((disk.open as typeof real.open) ?? real.open)(...args),
    rename: (...args: Parameters<typeof real.rename>) => ((disk.rename as typeof real.rename) ?? real.rename)(...args),
  };
});

let dir: string;
const contents = { reals: Uint8Array.of(1, 2), config: "{}\n" };

beforeEach(async () => {
  dir = join(mkdtempSync(join(tmpdir(), "catgan-run-")), "run");
  await createRunFolder(dir, contents);
});

afterEach(() => {
  disk.open = disk.rename = null;
  rmSync(join(dir, ".."), { recursive: true, force: true });
});

/** A checkpoint whose contents tell its step. */
function bytesOf(step: number): Uint8Array {
  return encodeSafetensors(new Map([["w", { shape: [3], data: Float32Array.from([step, 2, 3]) }]]), {
    step: String(step),
  });
}

const everything = ["checkpoints", "config.json", "losses.csv", "reals.png", "samples"];

function checkpoints(): string[] {
  return readdirSync(join(dir, "checkpoints")).sort();
}

function row(step: number) {
  return { step, epoch: 1, dLoss: 1.25, gLoss: 2 / 3, dReal: 0.75, dFake: Number.NaN, ms: 123.456 };
}

/** As on a disk with no space left: `/dev/full` where there is one. */
function fillDisk(): void {
  disk.open = async () => ({
    writeFile: async (content: Uint8Array) => {
      if (existsSync("/dev/full")) writeFileSync("/dev/full", content);
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    },
    close: async () => {},
  });
}

test("paths and names", () => {
  expect(defaultRunDir("tiny", new Date(2031, 0, 2, 3, 4, 5))).toBe(join("runs", "20310102-030405-tiny"));
  expect(samplePath("r", 50)).toBe(join("r", "samples", "step-000050.png"));
  expect(checkpointPath("r", 1_234_567)).toBe(join("r", "checkpoints", "step-1234567.safetensors"));
  expect(configPath("r")).toBe(join("r", "config.json"));
});

test("a new folder has its rooms; an empty one will do; a full one or a file is refused", async () => {
  expect(readdirSync(dir).sort()).toEqual(everything);
  expect(readFileSync(lossesPath(dir), "utf8")).toBe("step,epoch,d_loss,g_loss,d_real,d_fake,ms\n");
  expect(readFileSync(configPath(dir), "utf8")).toBe("{}\n");
  await createRunFolder(mkdtempSync(join(dir, "empty-")), contents);
  const full = createRunFolder(dir, contents);
  await expect(full).rejects.toThrow(/is not empty: give --out a new folder/);
  await expect(full).rejects.toThrow(UserError);
  expect(readFileSync(configPath(dir), "utf8")).toBe("{}\n");
  const file = createRunFolder(lossesPath(dir), contents);
  await expect(file).rejects.toThrow(/^cannot make the run's folder .*no folder$/);
  await expect(file).rejects.toThrow(UserError);
  expect(existsSync(lossesPath(dir))).toBe(true);
});

test("a disk that fills while the folder is made leaves nothing in the way of another try", async () => {
  const fresh = join(dir, "parent", "fresh");
  const empty = join(dir, "empty");
  mkdirSync(empty);
  fillDisk();
  for (const folder of [fresh, empty]) {
    await expect(createRunFolder(folder, contents)).rejects.toThrow(/reals\.png: no space is left on the disk/);
  }
  expect(existsSync(fresh)).toBe(false);
  expect(readdirSync(empty)).toEqual([]);
  disk.open = null;
  for (const folder of [fresh, empty]) {
    await createRunFolder(folder, contents);
    expect(readdirSync(folder).sort()).toEqual(everything);
  }
});

test.runIf(existsSync("/dev/full"))(
  "a file system that says no space is left: in one line, what was there stays",
  async () => {
    await saveCheckpoint(dir, 100, bytesOf(100));
    symlinkSync("/dev/full", `${checkpointPath(dir, 200)}.${process.pid}.tmp`);
    await expect(saveCheckpoint(dir, 200, bytesOf(200))).rejects.toThrow(
      /^cannot write .*step-000200\.safetensors: no space is left .*; the previous checkpoint, of step 100, is intact: /,
    );
    expect(checkpoints()).toEqual(["step-000100.safetensors"]);
    rmSync(lossesPath(dir));
    symlinkSync("/dev/full", lossesPath(dir));
    await expect(appendLosses(dir, [row(1)])).rejects.toThrow(
      /^cannot write .*losses\.csv: no space is left on the disk/,
    );
  },
);

test("writes files whole, over earlier ones, and leaves nothing beside them", async () => {
  await writeFileAtomically(configPath(dir), "{}");
  await writeFileAtomically(configPath(dir), Uint8Array.from([1, 2, 3]));
  expect([...readFileSync(configPath(dir))]).toEqual([1, 2, 3]);
  expect(readdirSync(dir).sort()).toEqual(everything);
  await expect(writeFileAtomically(join(dir, "no", "such.png"), "")).rejects.toThrow(
    /^cannot write .*such\.png: no such file or folder$/,
  );
});

test("the bytes are on the disk before the name is, and the name before the call returns", async () => {
  const real = await vi.importActual<typeof import("node:fs/promises")>("node:fs/promises");
  const calls: string[] = [];
  disk.open = async (path: string, flags: string) => {
    const handle = await real.open(path, flags);
    const sync = handle.sync.bind(handle);
    handle.sync = async () => {
      calls.push(`sync ${flags === "w" ? "file" : path}`);
      await sync();
    };
    return handle;
  };
  disk.rename = async (from: string, to: string) => {
    calls.push("rename");
    await real.rename(from, to);
  };
  await writeFileAtomically(configPath(dir), "{}");
  expect(calls).toEqual(["sync file", "rename", ...(process.platform === "win32" ? [] : [`sync ${dir}`])]);
});

test("a write that fails at its last step removes what it began", async () => {
  await writeFileAtomically(configPath(dir), "before");
  disk.rename = async () => {
    throw Object.assign(new Error("EIO: i/o error, rename"), { code: "EIO" });
  };
  await expect(writeFileAtomically(configPath(dir), "after")).rejects.toThrow(
    /config\.json: the disk reports an error$/,
  );
  expect(readFileSync(configPath(dir), "utf8")).toBe("before");
  expect(readdirSync(dir)).not.toContainEqual(expect.stringContaining("tmp"));
});

test("a crash between writing and renaming leaves the earlier checkpoint, and the resumed run clears up", async () => {
  await saveCheckpoint(dir, 100, bytesOf(100));
  const crashed = new Promise<void>((resolve) => {
    disk.rename = () => {
      resolve();
      return new Promise(() => {});
    };
  });
  void saveCheckpoint(dir, 200, bytesOf(200));
  await crashed;
  disk.rename = null;

  expect(checkpoints()).toEqual(["step-000100.safetensors", `step-000200.safetensors.${process.pid}.tmp`]);
  const { path, warning, metadata } = await readCheckpoint(dir);
  expect([basename(path), warning, metadata.step]).toEqual(["step-000100.safetensors", null, "100"]);
  await rewindRun(dir, 100);
  expect(checkpoints()).toEqual(["step-000100.safetensors"]);
});

test("metrics: a header and rows, cut where the run goes back to", async () => {
  const quality = (value: number) => ({
    swd: { levels: [{ size: 16, value }], average: value },
    floor: 2.5,
    msSsim: { fake: 0.25, real: 0.125 },
  });
  for (const step of [100, 200, 300]) await appendMetrics(dir, step, quality(step / 3));
  const text = () => readFileSync(join(dir, "metrics.csv"), "utf8");
  const header = "step,swd,floor,swd_16,ms_ssim,ms_ssim_floor\n";
  const [first, second, third] = ["33.3333", "66.6667", "100.000"].map(
    (swd, i) => `${100 * (i + 1)},${swd},2.50000,${swd},0.250000,0.125000\n`,
  );
  expect(text()).toBe(header + first + second + third);
  writeFileSync(join(dir, "metrics.csv"), `${text()}400,1.0`);
  await rewindRun(dir, 200);
  expect(text()).toBe(header + first + second);
  await rewindRun(dir, 50);
  expect(text()).toBe("");

  // As an earlier version began it.
  const begun = "step,swd,floor,swd_16\n20,3.00000,2.50000,3.00000\n";
  writeFileSync(join(dir, "metrics.csv"), begun);
  await appendMetrics(dir, 60, quality(1));
  expect(text()).toBe(`${begun}60,1.00000,2.50000,1.00000\n`);
});

test("a crash while overwriting a checkpoint of the same step leaves it whole", async () => {
  await saveCheckpoint(dir, 100, bytesOf(100));
  const crashed = new Promise<void>((resolve) => {
    disk.rename = () => {
      resolve();
      return new Promise(() => {});
    };
  });
  void saveCheckpoint(dir, 100, bytesOf(999));
  await crashed;
  expect((await readCheckpoint(dir)).metadata.step).toBe("100");
});

test("a full disk: says what could not be written and that the previous checkpoint is intact", async () => {
  fillDisk();
  await expect(saveCheckpoint(dir, 100, bytesOf(100))).rejects.toThrow(
    /^cannot write .*step-000100\.safetensors: no space is left on the disk; what was written before is intact$/,
  );
  disk.open = null;
  await saveCheckpoint(dir, 100, bytesOf(100));
  fillDisk();
  const failed = saveCheckpoint(dir, 200, bytesOf(200));
  await expect(failed).rejects.toThrow(UserError);
  await expect(failed).rejects.toThrow(
    /^cannot write .*step-000200\.safetensors: no space is left .*; the previous checkpoint, of step 100, is intact: catgan train --resume /,
  );
  expect(checkpoints()).toEqual(["step-000100.safetensors"]);
  expect((await readCheckpoint(dir)).warning).toBeNull();
});

test("keeps the newest three, and goes back as far as there are", async () => {
  for (const step of [100, 200, 300, 1_000_000]) await saveCheckpoint(dir, step, bytesOf(step));
  expect(checkpoints()).toEqual(["step-000200.safetensors", "step-000300.safetensors", "step-1000000.safetensors"]);
  const steps = await Promise.all([0, 1, 2, 3].map(async (back) => (await readCheckpoint(dir, back)).metadata.step));
  expect(steps).toEqual(["1000000", "300", "200", "200"]);
});

test("keeps the best by SWD, which is no step to go on from", async () => {
  await saveCheckpoint(dir, 100, bytesOf(100));
  for (const [step, swd] of [
    [100, 50],
    [200, 31.256],
    [300, 31.26],
    [400, 40],
  ]) {
    await keepBest(dir, step, swd, async () => bytesOf(step));
  }
  expect(checkpoints()).toEqual(["best-step-000200-swd-31.26.safetensors", "step-000100.safetensors"]);
  expect((await readCheckpoint(dir)).metadata.step).toBe("100");
  const best = join(dir, "checkpoints", "best-step-000200-swd-31.26.safetensors");
  expect((await readCheckpoint(best)).metadata.step).toBe("200");
});

test("a truncated newest checkpoint falls back to the one before, with a warning, and is set aside", async () => {
  await saveCheckpoint(dir, 100, bytesOf(100));
  await saveCheckpoint(dir, 200, bytesOf(200));
  truncateSync(checkpointPath(dir, 200), bytesOf(200).length - 1);
  const { path, tensors, warning } = await readCheckpoint(dir);
  expect(path).toBe(checkpointPath(dir, 100));
  expect(tensors.get("w")!.data[0]).toBe(100);
  expect(warning).toMatch(/^step-000200\.safetensors: safetensors: .* the file is damaged; took .*step-000100/);
  expect(warning).not.toContain("\n");

  await rewindRun(dir, 100);
  expect(checkpoints()).toEqual(["step-000100.safetensors", "step-000200.safetensors.damaged"]);
  await saveCheckpoint(dir, 150, bytesOf(150));
  expect(checkpoints()).toEqual([
    "step-000100.safetensors",
    "step-000150.safetensors",
    "step-000200.safetensors.damaged",
  ]);
});

test("saving never removes the file it wrote, whatever else is there", async () => {
  for (const step of [500, 600]) writeFileSync(checkpointPath(dir, step), "damaged");
  await saveCheckpoint(dir, 100, bytesOf(100));
  expect((await readCheckpoint(dir)).metadata.step).toBe("100");
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

test("reads a single file", async () => {
  const file = join(dir, "cat.safetensors");
  writeFileSync(file, bytesOf(7));
  expect(await readCheckpoint(file)).toMatchObject({ path: file, metadata: { step: "7" }, warning: null });
  writeFileSync(file, "{}");
  await expect(readCheckpoint(file)).rejects.toThrow(/^cat\.safetensors: safetensors: 2 bytes/);
  await expect(readCheckpoint(file)).rejects.toThrow(UserError);
});

test("losses: appended in batches; cut behind the step that a run goes on from", async () => {
  await appendLosses(dir, [row(1), row(2)]);
  await appendLosses(dir, []);
  await appendLosses(dir, [row(3), row(10)]);
  const header = "step,epoch,d_loss,g_loss,d_real,d_fake,ms\n";
  const line = (step: number) => `${step},1,1.25000,0.666667,0.750000,NaN,123.5\n`;
  expect(readFileSync(lossesPath(dir), "utf8")).toBe(header + [1, 2, 3, 10].map(line).join(""));

  await rewindRun(dir, 3);
  expect(readFileSync(lossesPath(dir), "utf8")).toBe(header + [1, 2, 3].map(line).join(""));
  // A crash can tear the last line: "3" of step 34 would pass for step 3.
  writeFileSync(lossesPath(dir), `${header}${line(1)}${line(2).slice(0, 9)}`);
  await rewindRun(dir, 3);
  await appendLosses(dir, [row(4)]);
  expect(readFileSync(lossesPath(dir), "utf8")).toBe(header + line(1) + line(4));
  rmSync(lossesPath(dir));
  await rewindRun(dir, 3);
  expect(readFileSync(lossesPath(dir), "utf8")).toBe(header);
});

test("losses that cannot be written are a user's error", async () => {
  await expect(appendLosses(join(dir, "nowhere"), [row(1)])).rejects.toThrow(
    /^cannot write .*losses\.csv: no such file/,
  );
});

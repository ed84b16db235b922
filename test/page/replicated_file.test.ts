import { expect, test } from "vitest";
import { readReplicated, writeReplicated } from "../../src/page/store/replicated_file.ts";
import { Crash, MemoryFolder } from "./memory_folder.ts";

test("the newest version is read", async () => {
  const folder = new MemoryFolder();
  expect(await readReplicated(folder, "run")).toBeNull();
  for (let n = 0; n < 5; n++) {
    await writeReplicated(folder, "run", { n });
    expect(await readReplicated(folder, "run")).toEqual({ n });
  }
});

test("a write torn by a crash leaves the previous version", async () => {
  const folder = new MemoryFolder();
  await writeReplicated(folder, "run", { n: 1 });
  await writeReplicated(folder, "run", { n: 2 });
  folder.faults.writesUntilCrash = 1;
  await expect(writeReplicated(folder, "run", { n: 3 })).rejects.toThrow(Crash);
  folder.faults.writesUntilCrash = -1;
  expect(await readReplicated(folder, "run")).toEqual({ n: 2 });
  // And the next write goes where the torn one went.
  await writeReplicated(folder, "run", { n: 4 });
  expect(await readReplicated(folder, "run")).toEqual({ n: 4 });
});

test("any changed byte is detected", async () => {
  const folder = new MemoryFolder();
  await writeReplicated(folder, "run", { n: 1 });
  await writeReplicated(folder, "run", { n: 2 });
  const newest = folder.contents.get("run.1.json")!;
  for (let i = 0; i < newest.length; i++) {
    newest[i] ^= 1;
    const found = await readReplicated<{ n: number }>(folder, "run");
    // Some bytes of JSON may be one or the other without meaning anything else; nothing else may come out.
    expect([1, 2]).toContain(found?.n);
    if (found?.n === 2) expect(found).toEqual({ n: 2 });
    newest[i] ^= 1;
  }
});

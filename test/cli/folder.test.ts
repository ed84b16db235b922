/** Folders in which not everything can be read: each picture is there, or a word on why it is not. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, type TestContext, vi } from "vitest";
import { openFolder, shownName } from "../../src/cli/folder.ts";
import { readPhotographs } from "../../src/cli/photographs.ts";
import { pngOf } from "./hostile.ts";
import { eventsOf, run } from "./program.ts";

const root = mkdtempSync(join(tmpdir(), "catgan-folder-"));
// For another user, too.
chmodSync(root, 0o755);
afterAll(() => rmSync(root, { recursive: true, force: true }));

const options = { size: 16, fit: "crop" } as const;
const grey = (value: number) => pngOf(16, 16, () => [value, value, value]);
const latin1 = (folder: string, name: string) =>
  Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, "latin1")]);

/** A new folder with these pictures in it. */
function folder(name: string, ...pictures: string[]): string {
  const path = join(root, name);
  mkdirSync(path, { recursive: true });
  for (const [i, picture] of pictures.entries()) {
    mkdirSync(join(path, picture, ".."), { recursive: true });
    writeFileSync(join(path, picture), grey(i));
  }
  return path;
}

/** The first value of every picture. */
const firsts = ({ pixels, size, count }: { pixels: Uint8Array; size: number; count: number }) =>
  Array.from({ length: count }, (_, i) => pixels[i * size * size * 3]);

/** Some file systems have names in UTF-8 only. */
function writeLatin1(context: TestContext, path: Buffer, bytes: Uint8Array): void {
  try {
    writeFileSync(path, bytes);
  } catch (error) {
    context.skip(`this file system takes no name that is not UTF-8: ${(error as Error).message}`);
  }
}

/** Runs as a user who is bound by permissions. */
async function asUser<T>(context: TestContext, work: () => Promise<T>): Promise<T> {
  if (!process.geteuid) return context.skip("this system has no permissions of this kind");
  if (process.geteuid() !== 0) return await work();
  process.seteuid!(65534);
  try {
    return await work();
  } finally {
    process.seteuid!(0);
  }
}

describe("names that are not UTF-8", () => {
  it("of files: all are read, including those that differ only in such bytes", async (context) => {
    const source = folder("latin1 files", "caf.png", "cag.png");
    writeLatin1(context, latin1(source, "caf\xe9.png"), grey(11));
    writeFileSync(latin1(source, "caf\xe8.png"), grey(10));
    writeFileSync(latin1(source, "caf\xff"), grey(12));
    writeFileSync(join(source, "café.png"), grey(13));
    writeFileSync(join(source, "caf\ufffd.png"), grey(14));
    const { names, pictures, skipped } = await readPhotographs(source, options);
    expect(skipped).toEqual([]);
    const shown = [
      "caf.png",
      "café.png",
      "caf\ufffd.png",
      "caf\ufffde8.png",
      "caf\ufffde9.png",
      "caf\ufffdff",
      "cag.png",
    ];
    expect(names).toEqual(shown);
    expect(names).toEqual([...names].sort());
    expect(firsts(pictures)).toEqual([0, 13, 14, 10, 11, 12, 1]);
  });

  it("of folders, links and their targets", async (context) => {
    const source = folder("latin1 folders", "ok.png");
    const cafe = latin1(source, "caf\xe9");
    mkdirSync(join(source, "plain"));
    writeLatin1(context, Buffer.concat([Buffer.from(`${source}/plain/`), Buffer.from([0xe9])]), grey(1));
    mkdirSync(cafe);
    writeFileSync(Buffer.concat([cafe, Buffer.from("/1.png")]), grey(2));
    writeFileSync(Buffer.concat([cafe, Buffer.from([0x2f, 0xe9, 0xe9])]), grey(3));
    symlinkSync(cafe, join(source, "link"));
    symlinkSync(cafe, latin1(source, "again\xe9"));
    symlinkSync("nowhere", latin1(source, "lost\xe9.png"));
    const { names, pictures, skipped } = await readPhotographs(source, options);
    expect(names).toEqual(["again\ufffde9/1.png", "again\ufffde9/\ufffde9\ufffde9", "ok.png", "plain/\ufffde9"]);
    expect(firsts(pictures)).toEqual([2, 3, 0, 1]);
    expect(skipped).toEqual([{ name: "lost\ufffde9.png", reason: "a link that leads nowhere" }]);
  });

  it.each([
    ["plain", "plain"],
    ["caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x88", "café € 🐈"],
    ["\xef\xbb\xbfmark", "\ufeffmark"],
    ["\xe9", "\ufffde9"],
    ["a\xc3\xa9\xe9z", "aé\ufffde9z"],
    ["\xe2\x82", "\ufffde2\ufffd82"],
    // An overlong slash, a surrogate, beyond Unicode.
    ["\xc0\xaf", "\ufffdc0\ufffdaf"],
    ["\xed\xa0\x80", "\ufffded\ufffda0\ufffd80"],
    ["\xf4\x90\x80\x80", "\ufffdf4\ufffd90\ufffd80\ufffd80"],
    ["\x00\xff", "\0\ufffdff"],
  ])("%j is shown as %j", (bytes, shown) => expect(shownName(Buffer.from(bytes, "latin1"))).toBe(shown));
});

describe("what cannot be read", () => {
  it("is named: links to nothing, in circles and to devices, pipes, sockets", async () => {
    const source = folder("odd", "1.png", "sub/2.png");
    for (const [name, target] of Object.entries({
      "more-cats": "/mnt/usbdisk/cats",
      "dangling.jpg": "nowhere.jpg",
      "below a file.png": "1.png/x",
      "notes.txt": "nowhere.txt",
      ".hidden.jpg": "nowhere.jpg",
      self: "self",
      device: "/dev/null",
      "sub/up": "..",
      "sub/across": "../1.png",
    })) {
      symlinkSync(target, join(source, name));
    }
    execFileSync("mkfifo", [join(source, "pipe"), join(source, "pipe.log")]);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(source, "socket"), resolve));
    try {
      const { names, skipped } = await readPhotographs(source, options);
      // A folder that is a link to its parent holds nothing that is not read.
      expect(names).toEqual(["1.png", "sub/2.png", "sub/across"]);
      expect(skipped).toEqual([
        { name: "below a file.png", reason: "a link that leads nowhere" },
        { name: "dangling.jpg", reason: "a link that leads nowhere" },
        { name: "device", reason: "a device, not a file" },
        { name: "more-cats", reason: "a link that leads nowhere" },
        { name: "pipe", reason: "a pipe, not a file" },
        { name: "self", reason: "links in a circle" },
        { name: "socket", reason: "a socket, not a file" },
      ]);
    } finally {
      server.close();
    }
  });

  it("is named: files and folders without permission", async (context) => {
    const source = folder("permissions", "good/1.png", "noexec/2.png", "noexec/sub/3.png", "closed/4.png", "5.png");
    writeFileSync(join(source, "6.dat"), grey(6));
    writeFileSync(join(source, "notes.txt"), "cats");
    symlinkSync("noexec/2.png", join(source, "link.png"));
    chmodSync(join(source, "noexec"), 0o644);
    for (const name of ["closed", "5.png", "6.dat", "notes.txt"]) chmodSync(join(source, name), 0);
    try {
      const { names, skipped } = await asUser(context, () => readPhotographs(source, options));
      expect(names).toEqual(["good/1.png"]);
      const reason = "no permission to read it";
      expect(skipped).toEqual([
        { name: "5.png", reason },
        { name: "6.dat", reason },
        { name: "closed/", reason: `a folder that cannot be listed: ${reason}` },
        { name: "link.png", reason },
        { name: "noexec/2.png", reason },
        { name: "noexec/sub/", reason: `a folder that cannot be listed: ${reason}` },
      ]);
    } finally {
      for (const name of ["closed", "noexec"]) chmodSync(join(source, name), 0o755);
    }
  });

  it("is named even if there is nothing else", async (context) => {
    const source = folder("only closed", "closed/1.png");
    chmodSync(join(source, "closed"), 0);
    try {
      await expect(asUser(context, () => readPhotographs(source, options))).rejects.toThrow(
        "no pictures among 1 files (hidden ones not counted); the first of 1 skipped: closed/: " +
          "a folder that cannot be listed: no permission to read it",
      );
    } finally {
      chmodSync(join(source, "closed"), 0o755);
    }
    chmodSync(source, 0);
    try {
      await expect(asUser(context, () => readPhotographs(source, options))).rejects.toThrow(
        `${source}: no permission to read it`,
      );
      await expect(asUser(context, () => readPhotographs(join(source, "closed"), options))).rejects.toThrow(
        "permission",
      );
    } finally {
      chmodSync(source, 0o755);
    }
  });

  it("is named: files nested too deeply; names of 255 bytes are read", async () => {
    const long = "x".repeat(251);
    const source = folder("deep", `${long}.png`, `${long}1234/é.png`);
    // No path may have more than 4,096 bytes, but folders can be moved below each other.
    const chain = new Array(12).fill(long).join("/");
    for (const name of ["a", "b"]) mkdirSync(join(source, name, chain), { recursive: true });
    writeFileSync(join(source, "b", chain, "lost.png"), grey(1));
    renameSync(join(source, "b"), join(source, "a", chain, "b"));
    const { names, skipped } = await readPhotographs(source, options);
    expect(names).toEqual([`${long}.png`, `${long}1234/é.png`]);
    expect(skipped).toEqual([
      { name: expect.stringMatching(/^a\/.*x\/$/), reason: "a folder that cannot be listed: its path is too long" },
    ]);
    expect(skipped[0].name.length).toBeGreaterThan(3800);
    renameSync(join(source, "a", chain, "b"), join(source, "b"));
  });

  it("is named: files deleted since the folder was listed; files that have grown are read", async () => {
    const source = folder("changing", "1.png", "2.png", "3.png");
    const candidates = await openFolder(source);
    const named = (name: string) => candidates.find((one) => one.name === name)!;
    unlinkSync(join(source, "1.png"));
    expect(() => named("1.png").read()).toThrow(/^it is gone$/);
    expect(() => named("1.png").beginning()).toThrow(/^it is gone$/);
    writeFileSync(join(source, "2.png"), new Uint8Array(100_000));
    expect((await named("2.png").read()).length).toBe(100_000);
    unlinkSync(join(source, "3.png"));
    mkdirSync(join(source, "3.png"));
    expect(() => named("3.png").read()).toThrow(/^EISDIR: illegal operation on a directory$/);
  });
});

it("many links to one folder are followed once, whichever folder comes first", async () => {
  const source = folder("links", "m/1.png");
  // More links than a path may have, were each found through the one before.
  for (let i = 0; i < 60; i++) {
    mkdirSync(join(source, `real${i}`));
    symlinkSync(`../real${i + 1}`, join(source, `real${i}`, "next"));
  }
  mkdirSync(join(source, "real60"));
  writeFileSync(join(source, "real60", "2.png"), grey(2));
  const { names, skipped } = await readPhotographs(source, options);
  expect(names).toEqual(["m/1.png", `real0${"/next".repeat(60)}/2.png`]);
  expect(skipped).toEqual([]);
});

it("is walked with breaks, in which signals are handled and the walk can be ended", async () => {
  const source = folder("breaks", ...Array.from({ length: 40 }, (_, i) => `${i % 4}/${i}.png`));
  let clock = 0;
  vi.spyOn(performance, "now").mockImplementation(() => (clock += 20));
  try {
    let heard = 0;
    const counts: number[] = [];
    const timer = setInterval(() => heard++, 0);
    const candidates = await openFolder(source, (files) => counts.push(files));
    clearInterval(timer);
    expect(candidates.length).toBe(40);
    expect(counts.length).toBeGreaterThan(5);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(heard).toBeGreaterThan(0);
    const ended = openFolder(source, () => {
      throw new Error("stop");
    });
    await expect(ended).rejects.toThrow("stop");
  } finally {
    vi.restoreAllMocks();
  }
});

describe("train --dry-run", () => {
  it("reports in a few lines of 80 columns what it skipped, by reason, and how to see all names", async () => {
    const source = folder("untidy", "1.png", "2.png");
    symlinkSync("nowhere", join(source, `${"long name ".repeat(20)}.png`));
    symlinkSync("nowhere", join(source, "new\nline \x1b[2J\u202e.png"));
    symlinkSync("circle", join(source, "circle"));
    for (const [i, words] of ["", "a", "II*\0"].entries()) {
      for (const n of [1, 2, 3]) writeFileSync(join(source, `text ${i}${n}.png`), words);
    }
    for (const n of [1, 2])
      writeFileSync(
        join(source, `small${n}.png`),
        pngOf(8, 8 + n, () => [1, 1, 1]),
      );
    execFileSync("mkfifo", [join(source, "pipe")]);
    symlinkSync("/dev/null", join(source, "device"));
    const line = ["train", "--data", source, "--dry-run", "--size", "16", "--batch", "2"];
    const { code, stdout, stderr } = await run(...line);
    expect(code).toBe(0);
    const lines = stderr.replaceAll(source, "SOURCE").trimEnd().split("\n");
    expect(lines.length).toBeLessThan(12);
    for (const line of lines) {
      expect(line).toMatch(/^[^\p{Cc}\p{Cf}]*$/u);
      expect(line.length).toBeLessThanOrEqual(80);
    }
    expect(lines[0]).toBe("catgan: warning: skipped 16 files that cannot be used:");
    expect(lines.at(-1)).toBe("  All names: catgan prepare SOURCE OUT lists them.");
    expect(lines.slice(1).join(" ").replace(/ +/g, " ")).toContain(
      "2 × too small: 8×… pixels, expected at least 16×16",
    );
    expect(stdout).toContain("2 from");
    expect(stdout).toContain("; 16 skipped");
    const { skipped, skippedReasons } = eventsOf(await run(...line, "--json"))[0].pictures;
    expect(skipped).toBe(16);
    expect(skippedReasons.reduce((sum: number, { count }: { count: number }) => sum + count, 0)).toBe(16);
    expect(skippedReasons).toContainEqual({ reason: "a link that leads nowhere", count: 2 });

    const out = join(root, "prepared");
    expect((await run("prepare", source, out, "--size", "16")).code).toBe(0);
    const { refused } = JSON.parse(readFileSync(join(out, "prepare.json"), "utf8"));
    expect(refused.count).toBe(16);
    const dangling = refused.reasons.find(({ reason }: { reason: string }) => reason === "a link that leads nowhere");
    expect(dangling.files).toEqual([`${"long name ".repeat(20)}.png`, "new?line ?[2J\u202e.png"]);
  });
});

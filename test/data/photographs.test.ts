import { describe, expect, it, vi } from "vitest";
import {
  type Candidate,
  lostCandidate,
  NoPictures,
  type ReadingAll,
  readPhotographs,
} from "../../src/data/photographs.ts";
import { randomNumbers } from "../../src/verify/lab.ts";

const jpegBeginning = [0xff, 0xd8, 0xff];

/** A file of one grey, which is its fourth byte; the fifth and sixth are its width and height. */
const grey = (value: number, width = 4, height = 4) => Uint8Array.from([...jpegBeginning, value, width, height]);

const candidate = (name: string, bytes: Uint8Array): Candidate => ({
  name,
  bytes: bytes.length,
  beginning: () => bytes.subarray(0, 8),
  read: () => bytes,
});

const decode: ReadingAll["decode"] = ([, , , value, width, height]) => {
  if (value === undefined) throw new Error("damaged, \x1b[2J\nin many words");
  return { width, height, rgb: new Uint8Array(width * height * 3).fill(value) };
};

const reading: ReadingAll = { size: 4, fit: "crop", decode, inFlight: 1, maxBytes: 2 ** 20 };

const firsts = ({ pixels, count, size }: { pixels: Uint8Array; count: number; size: number }) =>
  Array.from({ length: count }, (_, i) => pixels[i * size * size * 3]);

const cats = () => [
  candidate("b/2.jpg", grey(20)),
  candidate("b/10.jpg", grey(10, 5, 4)),
  candidate("broken.jpg", Uint8Array.from(jpegBeginning)),
  candidate("a", grey(1)),
  candidate("readme.txt", new Uint8Array(99)),
  candidate("a.jpg", new Uint8Array(0)),
  candidate("c.png", grey(30, 4, 6)),
];

describe("photographs", () => {
  it("come in the order of their paths whichever is decoded first, with no gaps", async () => {
    const random = randomNumbers(1);
    for (const inFlight of [1, 2, 5, 50]) {
      let [now, maxAtOnce] = [0, 0];
      const seen: [number, number, boolean][] = [];
      const progress: number[] = [];
      const { pictures, names, skipped, notSquare } = await readPhotographs(cats(), {
        ...reading,
        inFlight,
        async decode(bytes) {
          maxAtOnce = Math.max(maxAtOnce, ++now);
          await new Promise((resolve) => setTimeout(resolve, random() * 20));
          now--;
          return decode(bytes);
        },
        onProgress: (done, total) => progress.push(done + total / 10),
        onPicture: (index, { rgb, square }) => seen.push([index, rgb[0], square]),
      });
      expect(names).toEqual(["a", "b/10.jpg", "b/2.jpg", "c.png"]);
      expect(firsts(pictures)).toEqual([1, 10, 20, 30]);
      expect([pictures.size, pictures.count, pictures.pixels.length]).toEqual([4, 4, 4 * 4 * 4 * 3]);
      expect(pictures.pixels.byteLength).toBe(pictures.pixels.buffer.byteLength);
      expect(skipped).toEqual([
        { name: "a.jpg", reason: "empty file" },
        { name: "broken.jpg", reason: "damaged, ?[2J" },
      ]);
      expect(notSquare).toBe(2);
      expect(maxAtOnce).toBeLessThanOrEqual(inFlight);
      expect(progress).toEqual([1, 2, 3, 4, 5, 6].map((done) => done + 0.6));
      expect(seen).toEqual([
        [0, 1, true],
        [2, 10, false],
        [3, 20, true],
        [5, 30, false],
      ]);
    }
  });

  it("are distinguished by their files and how they became square, not by names or what was skipped", async () => {
    const identity = async (set: Candidate[], fit: "crop" | "stretch" = "crop", size = 4) =>
      (await readPhotographs(set, { ...reading, fit, size })).pictures.identity!;
    const square = [candidate("1.jpg", grey(1)), candidate("2.jpg", grey(2))];
    const first = await identity(square);
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    const same = [candidate("a/x.png", grey(1)), candidate("a/y.png", new Uint8Array(0)), candidate("b", grey(2))];
    expect(await identity(same)).toBe(first);
    expect(await identity(square, "stretch")).toBe(first);
    const trailing = candidate("2.jpg", Uint8Array.from([...grey(2), 0]));
    const others = [
      await identity([square[1], candidate("3.jpg", grey(1))]),
      await identity([square[0], trailing]),
      await identity([square[0]]),
      await identity(square, "crop", 2),
      await identity([candidate("1.jpg", grey(1, 5, 4)), square[1]]),
      await identity([candidate("1.jpg", grey(1, 5, 4)), square[1]], "stretch"),
    ];
    expect(new Set([first, ...others]).size).toBe(7);
  });

  it("that are cropped by landmarks are distinguished by these, too", async () => {
    const line = (left: number) => new TextEncoder().encode(`9 ${left} 6 10 6 8 9 5 2 ${"0 0 ".repeat(4)} 11 2`);
    const identity = async (left: number) => {
      const set = [candidate("1.jpg", grey(1, 20, 20)), candidate("1.jpg.cat", line(left))];
      return (await readPhotographs(set, reading)).pictures.identity;
    };
    expect(await identity(6)).toBe(await identity(6));
    // The grey is the same wherever it is cut.
    expect(await identity(6)).not.toBe(await identity(5));
  });

  it("that do not fit in memory are refused before any is read", async () => {
    let reads = 0;
    const many = Array.from({ length: 30 }, (_, i) => ({
      ...candidate(`${i}.jpg`, grey(1, 64, 64)),
      read: () => {
        reads++;
        return grey(1, 64, 64);
      },
    }));
    const limited = { ...reading, size: 64, maxBytes: 2 ** 18 };
    await expect(readPhotographs(many, limited)).rejects.toThrow(
      "30 pictures of 64×64 do not fit in 0.000244140625 GiB: take at most 21 of them, or a smaller size",
    );
    expect(reads).toBe(0);
    expect((await readPhotographs(many.slice(9), limited)).pictures.count).toBe(21);
  });

  it("if there are none, the error says what was skipped", async () => {
    const error = await readPhotographs([cats()[2], cats()[4]], reading).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NoPictures);
    expect((error as NoPictures).skipped).toEqual([{ name: "broken.jpg", reason: "damaged, ?[2J" }]);
    expect((error as NoPictures).message).toBe(
      "no pictures among 2 files (hidden ones not counted); the first of 1 skipped: broken.jpg: damaged, ?[2J",
    );
  });

  it("that are too large are not read", async () => {
    const never = () => {
      throw new Error("never asked");
    };
    const large = { name: "large.jpg", bytes: 2 ** 30, beginning: never, read: never };
    const { skipped } = await readPhotographs([large, cats()[0]], reading);
    expect(skipped).toEqual([{ name: "large.jpg", reason: "1024 MiB: pictures may have at most 64" }]);
  });

  it("that cannot be read are named, unless their names say that they are not pictures", async () => {
    const lost = ["b/", "1.png", "a/0.JPG", "no ending", "a/photos.txt/", "some.dat", "a.b/c"];
    const others = ["notes.txt", "a/LIST.CSV", "x.jpg.zip", "labels.json"];
    const candidates = [...lost, ...others].map((name) => lostCandidate(name, `why ${name}`));
    const { skipped, names } = await readPhotographs([...candidates, cats()[0]], reading);
    expect(names).toEqual([cats()[0].name]);
    expect(skipped).toEqual([...lost].sort().map((name) => ({ name, reason: `why ${name}` })));
  });

  it("are read if only reading their beginning failed: a passing fault loses nothing", async () => {
    const [cat] = cats();
    const candidate = { ...cat, name: "no ending", beginning: lostCandidate("", "once").beginning };
    expect((await readPhotographs([candidate], reading)).names).toEqual(["no ending"]);
  });

  it("that cannot be read say why, also if their landmarks are missing", async () => {
    const landmarks = {
      name: "a/1.png.cat",
      bytes: 0,
      beginning: () => new Uint8Array(),
      read: () => new Uint8Array(),
    };
    const candidates = [landmarks, lostCandidate("a/2.png", "it is gone"), cats()[0]];
    const { skipped } = await readPhotographs(candidates, reading);
    expect(skipped).toEqual([{ name: "a/2.png", reason: "it is gone" }]);
  });

  it("are searched for with breaks, in which the callback may end the search", async () => {
    vi.spyOn(performance, "now").mockImplementation(() => (clock += 20));
    let clock = 0;
    try {
      const unnamed = Array.from({ length: 30 }, (_, i) => ({ ...cats()[0], name: String(i) }));
      const looked: [number, number | null][] = [];
      await readPhotographs(unnamed, { ...reading, onLooking: (done, total) => looked.push([done, total]) });
      expect(looked.length).toBeGreaterThan(5);
      expect(looked).toEqual(looked.map(([done]) => [done, 30]));
      const onLooking = () => {
        throw new Error("stop");
      };
      await expect(readPhotographs(unnamed, { ...reading, onLooking })).rejects.toThrow("stop");
    } finally {
      vi.restoreAllMocks();
    }
  });

  it("are cropped by their landmarks, and refused if only other files in their folder have any", async () => {
    // Eyes 4 apart around (8, 6), ears 6 apart: columns 5 … 10, rows int(3.6) … int(9.6) − 1.
    const line = new TextEncoder().encode(`9 6 6 10 6 8 9 5 2 ${"0 0 ".repeat(4)} 11 2`);
    const seen: [number, boolean, boolean][] = [];
    const found = await readPhotographs(
      [
        candidate("a/1.jpg.cat", line),
        candidate("a/1.jpg", grey(10, 20, 20)),
        candidate("a/2.jpg", grey(20, 20, 20)),
        candidate("a/3.jpg", grey(30, 20, 6)),
        candidate("a/3.jpg.cat", line),
        candidate("a/4.jpg", grey(40, 10, 20)),
        candidate("a/4.jpg.cat", line.subarray(0, 9)),
        candidate("a/b/5.jpg", grey(50, 20, 20)),
        candidate("c/6.jpg", grey(60, 20, 20)),
        candidate("7.jpg.cat", line),
        candidate("c/tom.cat", grey(70, 20, 20)),
      ],
      { ...reading, onPicture: (index, { face, square }) => seen.push([index, face, square]) },
    );
    expect(found.names).toEqual(["a/1.jpg", "a/b/5.jpg", "c/6.jpg", "c/tom.cat"]);
    expect(firsts(found.pictures)).toEqual([10, 50, 60, 70]);
    expect([found.faces, found.notSquare]).toEqual([1, 0]);
    expect(seen.filter(([, face]) => face)).toEqual([[0, true, true]]);
    expect(found.skipped).toEqual([
      { name: "a/2.jpg", reason: "no landmarks: no .cat file next to it" },
      { name: "a/3.jpg", reason: "too small: a face of 6×3 pixels, expected at least 4×4" },
      { name: "a/4.jpg", reason: "landmarks: 3 coordinates, expected 18" },
    ]);
  });

  it("smaller than the requested size are refused: none is ever enlarged", async () => {
    const small = [
      candidate("1.jpg", grey(1, 3, 9)),
      candidate("2.jpg", grey(2, 4, 9)),
      candidate("3.jpg", grey(3, 9, 3)),
    ];
    const { names, skipped } = await readPhotographs(small, reading);
    expect(names).toEqual(["2.jpg"]);
    expect(skipped.map(({ reason }) => reason)).toEqual([
      "too small: 3×9 pixels, expected at least 4×4",
      "too small: 9×3 pixels, expected at least 4×4",
    ]);
  });
});

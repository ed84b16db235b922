import { expect, test } from "vitest";
import {
  differenceHash,
  type Hash,
  hammingDistance,
  maxDistance,
  NearDuplicates,
} from "../../src/data/near_duplicates.ts";
import { randomNumbers } from "../../src/verify/lab.ts";

/** A picture of 9×8 cells of one colour each. */
function cells(size: number, colour: (i: number, j: number) => readonly [number, number, number]): Uint8Array {
  const rgb = new Uint8Array(size * size * 3);
  for (let j = 0; j < 8; j++) {
    for (let y = Math.floor((j * size) / 8); y < Math.floor(((j + 1) * size) / 8); y++) {
      for (let i = 0; i < 9; i++) {
        for (let x = Math.floor((i * size) / 9); x < Math.floor(((i + 1) * size) / 9); x++) {
          rgb.set(colour(i, j), (y * size + x) * 3);
        }
      }
    }
  }
  return rgb;
}

const bits = ([low, high]: Hash) => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

test("a bit is set where a cell is darker than its right neighbour, row by row", () => {
  const random = randomNumbers(1);
  for (const size of [16, 32, 64, 72, 128]) {
    const levels = Array.from({ length: 72 }, () => Math.floor(random() * 4) * 60);
    let expected = 0n;
    for (let bit = 0; bit < 64; bit++) {
      const [i, j] = [bit % 8, Math.floor(bit / 8)];
      if (levels[j * 9 + i] < levels[j * 9 + i + 1]) expected |= 1n << BigInt(bit);
    }
    const hash = differenceHash(
      cells(size, (i, j) => [levels[j * 9 + i], levels[j * 9 + i], levels[j * 9 + i]]),
      size,
    );
    expect(bits(hash)).toBe(expected);
  }
});

test("brightness is luma: green over red over blue", () => {
  const order = [
    [0, 0, 200],
    [200, 0, 0],
    [0, 200, 0],
  ] as const;
  expect(
    bits(
      differenceHash(
        cells(72, (i) => order[i % 3]),
        72,
      ),
    ) & 255n,
  ).toBe(0b11011011n);
  expect(differenceHash(new Uint8Array(64 * 64 * 3).fill(90), 64)).toEqual([0, 0]);
});

test("the distance is the number of bits that differ", () => {
  const random = randomNumbers(2);
  const word = () => Math.floor(random() * 2 ** 32) | 0;
  for (let n = 0; n < 100; n++) {
    const [a, b]: Hash[] = [
      [word(), word()],
      [word(), word()],
    ];
    expect(hammingDistance(a, b)).toBe((bits(a) ^ bits(b)).toString(2).replaceAll("0", "").length);
  }
  expect(hammingDistance([0, 0], [-1, -1])).toBe(64);
});

/** Hashes in clusters, like those of real pictures, some of them near the border of what is near. */
function clustered(count: number, centres: number, seed: number): Hash[] {
  const random = randomNumbers(seed);
  const word = () => Math.floor(random() * 2 ** 32) | 0;
  const centre = Array.from({ length: centres }, (): Hash => [word(), word()]);
  return Array.from({ length: count }, () => {
    const hash: [number, number] = [...centre[Math.floor(random() * centres)]];
    for (let flips = Math.floor(random() * 9); flips > 0; flips--) {
      const bit = Math.floor(random() * 64);
      hash[bit >> 5] ^= 1 << (bit & 31);
    }
    return hash;
  });
}

test("the groups equal those from comparing each with every earlier first", () => {
  for (const seed of [1, 2, 3]) {
    const hashes = clustered(1500, 200, seed);
    const firsts: number[] = [];
    const nearDuplicates = new NearDuplicates();
    let joined = 0;
    for (const [n, hash] of hashes.entries()) {
      const found = firsts.find((first) => hammingDistance(hashes[first], hash) <= maxDistance);
      const first = found ?? n;
      if (found === undefined) firsts.push(n);
      else joined++;
      expect(nearDuplicates.add(hash)).toEqual({ first, distance: hammingDistance(hashes[first], hash) });
    }
    expect(joined).toBeGreaterThan(300);
    expect(firsts.length).toBeGreaterThan(300);
  }
});

test("similarity does not drift: a picture near another member, but not near the first, begins a group", () => {
  const nearDuplicates = new NearDuplicates();
  expect(nearDuplicates.add([0, 0])).toEqual({ first: 0, distance: 0 });
  expect(nearDuplicates.add([0b11111, 0])).toEqual({ first: 0, distance: 5 });
  expect(nearDuplicates.add([0b1111111111, 0])).toEqual({ first: 2, distance: 0 });
  expect(nearDuplicates.add([0b1111111111, 1])).toEqual({ first: 2, distance: 1 });
});

test("100,000 pictures take seconds, also where all are the same or half of each hash is", () => {
  const random = randomNumbers(4);
  const word = () => Math.floor(random() * 2 ** 32) | 0;
  const sets: Record<string, Hash[]> = {
    clustered: clustered(100_000, 60_000, 5),
    same: new Array(100_000).fill([12345, -1]),
    halves: Array.from({ length: 10_000 }, () => [77, word()]),
  };
  for (const [name, hashes] of Object.entries(sets)) {
    const nearDuplicates = new NearDuplicates();
    const began = process.cpuUsage().user;
    for (const hash of hashes) nearDuplicates.add(hash);
    expect((process.cpuUsage().user - began) / 1e6, name).toBeLessThan(20);
  }
});

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { crc32 } from "../../src/data/crc32.ts";
import {
  decodeSafetensors,
  type EncodableTensor,
  encodeSafetensors,
  type NamedTensor,
} from "../../src/train/safetensors.ts";
import { randomNumbers } from "../../src/verify/lab.ts";

const utf8 = new TextEncoder();

/** A file of this header, with its true length unless told another, and this many bytes of data. */
function file(header: string | Uint8Array, dataBytes: number, headerLength?: bigint): Uint8Array {
  const text = typeof header === "string" ? utf8.encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, headerLength ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

function entry(shape: string, begin: number, end: number, dtype = "F32"): string {
  return `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;
}

function tensor(shape: number[], ...data: number[]): NamedTensor {
  return { shape, data: Float32Array.from(data) };
}

test("encodes to known bytes", () => {
  const bytes = encodeSafetensors(new Map([["x", tensor([1, 2], 1, -2)]]), { a: "b" });
  const written = (checksum: string) => {
    const metadata = `{"checksum":"crc32:${checksum}","a":"b"}`;
    const header = `{"__metadata__":${metadata},"x":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}`;
    expect(header.length).toBe(109);
    return Uint8Array.of(
      ...[112, 0, 0, 0, 0, 0, 0, 0],
      ...utf8.encode(header.padEnd(112)),
      ...[0x00, 0x00, 0x80, 0x3f, 0x00, 0x00, 0x00, 0xc0],
    );
  };
  // The checksum is that of the file with zeros in its place.
  const checksum = crc32(written("00000000")).toString(16).padStart(8, "0");
  expect(bytes).toEqual(written(checksum));
});

test("a file is read only as it was written: no single byte may change", () => {
  const tensors = new Map([["é", tensor([2], 1, -2)]]);
  const bytes = encodeSafetensors(tensors, { "7": "ü", checksum: "crc32:11111111" });
  expect(decodeSafetensors(bytes)).toEqual({ tensors, metadata: { "7": "ü" }, verified: true });
  for (let at = 0; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const damaged = bytes.slice();
      damaged[at] ^= 1 << bit;
      const read = () => {
        const { verified, metadata } = decodeSafetensors(damaged);
        // The entry's name was hit: the entry stands among the others, where every reader of our formats refuses it.
        if (!verified) expect(Object.keys(metadata).some((key) => /^.{8}$/.test(key))).toBe(true);
        if (!verified) throw new Error("safetensors: not verified");
      };
      expect(read).toThrow(/^safetensors: /);
    }
  }
});

test("a checksum may be anywhere in the metadata, and other programs' checksums are ignored", () => {
  const make = (digits: string) =>
    file(`{ "x":${entry("[1]", 0, 4)}, "__metadata__" : {"ä":"ö" , "checksum" : "crc32:${digits}"}}`, 4);
  const digits = crc32(make("00000000")).toString(16).padStart(8, "0");
  expect(decodeSafetensors(make(digits)).verified).toBe(true);
  expect(() => decodeSafetensors(make("12345678"))).toThrow(
    `its checksum is "crc32:12345678", its bytes give "crc32:${digits}": the file is damaged`,
  );
  const other = file(`{"__metadata__":{"checksum":"md5"}}`, 0);
  expect(() => decodeSafetensors(other)).toThrow('its checksum is "md5"');
});

test("decodes known bytes: any order, any whitespace, unaligned data, empty tensors and scalars", () => {
  const header = ` "late" : ${entry("[ ]", 4, 8)},\n"early":${entry("[1]", 0, 4)}, "none":${entry("[0,7]", 4, 4)} `;
  const bytes = file(`{${header}}  `, 8);
  new DataView(bytes.buffer).setFloat32(bytes.length - 8, 1.5, true);
  new DataView(bytes.buffer).setFloat32(bytes.length - 4, Number.NaN, true);
  const inside = new Uint8Array(bytes.length + 3);
  inside.set(bytes, 3);
  for (const view of [bytes, inside.subarray(3)]) {
    const { tensors, metadata } = decodeSafetensors(view);
    expect([...tensors.keys()]).toEqual(["late", "early", "none"]);
    expect(tensors.get("late")).toEqual(tensor([], Number.NaN));
    expect(tensors.get("early")).toEqual(tensor([1], 1.5));
    expect(tensors.get("none")).toEqual(tensor([0, 7]));
    expect(metadata).toEqual({});
  }
});

test("reads and writes F16, mixed with F32 in any way", () => {
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x0001);
  const bytes = encodeSafetensors(new Map<string, EncodableTensor>([["h", { shape: [3], data: halves }]]), {});
  expect(new TextDecoder().decode(bytes.subarray(8))).toContain('"h":{"dtype":"F16","shape":[3],"data_offsets":[0,6]}');
  expect([...bytes.subarray(-6)]).toEqual([0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00]);
  expect(decodeSafetensors(bytes).tensors.get("h")).toEqual(tensor([3], 1, -2, 2 ** -24));
  // An f32 that lies at no multiple of 4.
  const mixed = file(`{"h":${entry("[1]", 0, 2, "F16")},"x":${entry("[1]", 2, 6)}}`, 6);
  new DataView(mixed.buffer).setUint16(mixed.length - 6, 0x3e00, true);
  new DataView(mixed.buffer).setFloat32(mixed.length - 4, 0.1, true);
  expect(decodeSafetensors(mixed).tensors).toEqual(
    new Map([
      ["h", tensor([1], 1.5)],
      ["x", tensor([1], 0.1)],
    ]),
  );
  expect(() => decodeSafetensors(file(`{"h":${entry("[2]", 0, 8, "F16")}}`, 8))).toThrow(
    "does not fit its data_offsets [0,8]",
  );
  expect(() => decodeSafetensors(file(`{"h":${entry("[1]", 0, 1, "F16")}}`, 1))).toThrow(
    "does not fit its data_offsets [0,1]",
  );
});

test("round trip keeps order, odd names, every bit, and pollutes no prototype", () => {
  const bits = new Uint32Array([0x7fc00001, 0xff800000, 1, 0x80000000]);
  const tensors = new Map<string, NamedTensor>([
    ["__proto__", tensor([2], 3, 4)],
    ["7", { shape: [2, 2], data: new Float32Array(bits.buffer) }],
    ['a "quoted"\n\\ name, ключ 猫 🐈', tensor([0])],
    ["constructor", tensor([], 5)],
    // A view into the middle of a larger block.
    ["view", { shape: [2], data: Float32Array.from([0, 6, 7, 0]).subarray(1, 3) }],
  ]);
  const metadata = Object.fromEntries([
    ["__proto__", "x"],
    ["config", '{"size":32}'],
  ]);
  const bytes = encodeSafetensors(tensors, metadata);
  expect(new DataView(bytes.buffer).getUint32(0, true) % 8).toBe(0);
  const decoded = decodeSafetensors(bytes);
  expect([...decoded.tensors.keys()]).toEqual([...tensors.keys()]);
  for (const [name, { shape, data }] of tensors) {
    const found = decoded.tensors.get(name)!;
    expect(found.shape).toEqual(shape);
    expect([...new Uint32Array(found.data.buffer)]).toEqual([
      ...new Uint32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)),
    ]);
  }
  expect(Object.entries(decoded.metadata)).toEqual(Object.entries(metadata));
  expect(Object.getPrototypeOf(decoded.metadata)).toBe(Object.prototype);
  expect(({} as Record<string, unknown>).dtype).toBeUndefined();
  expect(decodeSafetensors(encodeSafetensors(new Map(), {}))).toEqual({
    tensors: new Map(),
    metadata: {},
    verified: true,
  });
});

test("reads a file of another writer", () => {
  const bytes = readFileSync(new URL("../fixtures/dcgan_plain.safetensors", import.meta.url));
  const { tensors, metadata } = decodeSafetensors(bytes);
  expect(tensors.size).toBeGreaterThan(10);
  expect(metadata.config).toContain('"size":16');
});

test("the encoder refuses what the decoder would", () => {
  const encode = (name: string, shape: number[], length: number, metadata = {}) =>
    encodeSafetensors(new Map([[name, { shape, data: new Float32Array(length) }]]), metadata);
  expect(() => encode("x", [2, 3], 5)).toThrow('safetensors: tensor "x" has shape [2,3] and 5 numbers');
  expect(() => encode("x", [-2, -3], 6)).toThrow("has shape [-2,-3]");
  expect(() => encode("x", [1.5, 2], 3)).toThrow("has shape [1.5,2]");
  expect(() => encode("__metadata__", [1], 1)).toThrow("cannot be named __metadata__");
  expect(() => encode("x", [1], 1, { a: "b".repeat(2 ** 20) })).toThrow("at most 1 MiB is allowed");
});

const x = entry("[1]", 0, 4);
const halfName = Uint8Array.from([...utf8.encode('{"'), 0xc3, ...utf8.encode(`":${x}}`)]);
const huge = "9007199254740991";
const broken: [rule: string, bytes: Uint8Array, message: string | RegExp][] = [
  ["no bytes", new Uint8Array(0), "a file of 0 bytes, which is too short"],
  ["7 bytes", new Uint8Array(7), "a file of 7 bytes"],
  ["a length of 0", new Uint8Array(8), "does not start with {"],
  [
    "a header of 4 GB",
    file(`{"x":${x}}`, 4, 2n ** 32n),
    "its header would have 4294967296 bytes, at most 1 MiB is allowed",
  ],
  ["a header of 2^64 − 1", file(`{"x":${x}}`, 4, 2n ** 64n - 1n), "its header would have 18446744073709551615 bytes"],
  [
    "a header of 1 MiB + 1",
    file(`{"x":${x}}`.padEnd(2 ** 20 + 1), 4),
    "its header would have 1048577 bytes, at most 1 MiB is allowed",
  ],
  ["a header beyond the file", file("{}", 0, 3n), "its header has 3 bytes, but only 2 are there"],
  ["a space before {", file(" {}", 0), "does not start with {"],
  ["an array", file("[]", 0), "does not start with {"],
  ["a byte order mark", file("\ufeff{}", 0), "does not start with {"],
  ["bad UTF-8", file(halfName, 4), "its header is not UTF-8"],
  ["no end", file('{"x":', 4), "the header ends at character 5, expected {"],
  ["a string with no end", file('{"x', 0), "malformed string at character 1"],
  ["a control character", file(`{"x\u0001":${x}}`, 4), "malformed string at character 1"],
  ["a bad escape", file(`{"\\x":${x}}`, 4), "malformed string at character 1"],
  ["a trailing comma", file(`{"x":${x},}`, 4), "expected a string"],
  ["a missing comma", file(`{"x":${x} "y":${x}}`, 4), "expected }"],
  ["text after the object", file(`{"x":${x}} {}`, 4), "expected the end of the header"],
  ["a tensor twice", file(`{"x":${x},"x":${x}}`, 4), 'the header has the key "x" twice'],
  ["a tensor twice, one escaped", file(`{"x":${x},"\\u0078":${x}}`, 4), 'the header has the key "x" twice'],
  ["__proto__ twice", file(`{"__proto__":${x},"__proto__":${x}}`, 4), 'the key "__proto__" twice'],
  ["metadata twice", file('{"__metadata__":{},"__metadata__":{}}', 0), 'the key "__metadata__" twice'],
  ["a metadata key twice", file('{"__metadata__":{"a":"","a":""}}', 0), '__metadata__ has the key "a" twice'],
  [
    "a key of a tensor twice",
    file(`{"x":${x.replace("{", '{"dtype":"F32",')}}`, 4),
    'tensor "x" has the key "dtype" twice',
  ],
  ["metadata of numbers", file('{"__metadata__":{"a":1}}', 0), "expected a string"],
  ["nested metadata", file('{"__metadata__":{"a":{}}}', 0), "expected a string"],
  ["metadata that is a string", file('{"__metadata__":"a"}', 0), "expected {"],
  ["a tensor that is null", file('{"x":null}', 0), "expected {"],
  ["an unknown key", file(`{"x":${x.replace("{", '{"strides":[1],')}}`, 4), 'tensor "x" has an unknown key "strides"'],
  ["no dtype", file('{"x":{"shape":[1],"data_offsets":[0,4]}}', 4), 'tensor "x" has no dtype'],
  ["no shape", file('{"x":{"dtype":"F32","data_offsets":[0,4]}}', 4), 'tensor "x" has no shape'],
  ["no offsets", file('{"x":{"dtype":"F32","shape":[1]}}', 4), 'tensor "x" has no data_offsets'],
  ["an unknown dtype", file(`{"x":${entry("[1]", 0, 4, "F33")}}`, 4), 'tensor "x" has an unknown dtype "F33"'],
  ["a negative size", file(`{"x":${entry("[-1]", 0, 4)}}`, 4), "expected a whole number"],
  ["a fraction", file(`{"x":${entry("[1.0]", 0, 4)}}`, 4), "expected ]"],
  ["an exponent", file(`{"x":${entry("[1e0]", 0, 4)}}`, 4), "expected ]"],
  ["a leading zero", file(`{"x":${entry("[01]", 0, 4)}}`, 4), "expected a whole number"],
  ["a size of 2^53", file(`{"x":${entry("[9007199254740992]", 0, 4)}}`, 4), "expected a whole number"],
  ["a size in quotes", file(`{"x":${entry('["1"]', 0, 4)}}`, 4), "expected a whole number"],
  ["a product that overflows", file(`{"x":${entry(`[${huge},${huge},4]`, 0, 4)}}`, 4), "is too large for any file"],
  [
    "a product × 4 that overflows",
    file(`{"x":${entry(`[${huge}]`, 0, 4)}}`, 4),
    `of shape [${huge}] does not fit its data_offsets [0,4]`,
  ],
  [
    "a product that wraps to 1 in u64",
    file(`{"x":${entry("[4294967297,4294967297]", 0, 4)}}`, 4),
    "is too large for any file",
  ],
  ["one offset", file('{"x":{"dtype":"F32","shape":[1],"data_offsets":[0]}}', 4), "has 1 data_offsets, expected 2"],
  ["three offsets", file('{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}', 4), "has 3 data_offsets"],
  ["offsets turned round", file(`{"x":${entry("[1]", 4, 0)}}`, 4), "does not fit its data_offsets [4,0]"],
  [
    "a size unlike its offsets",
    file(`{"x":${entry("[2]", 0, 4)}}`, 4),
    "of shape [2] does not fit its data_offsets [0,4]",
  ],
  [
    "a hole at the start",
    file(`{"x":${entry("[1]", 4, 8)}}`, 8),
    'tensor "x" starts at byte 4 and leaves a gap after the last byte in use, at 0',
  ],
  ["a hole between", file(`{"x":${x},"y":${entry("[1]", 8, 12)}}`, 12), 'tensor "y" starts at byte 8 and leaves a gap'],
  [
    "an overlap",
    file(`{"x":${entry("[2]", 0, 8)},"y":${entry("[1]", 4, 8)}}`, 8),
    "starts at byte 4 and overlaps the tensor before it, which ends at 8",
  ],
  [
    "two tensors in one place",
    file(`{"x":${x},"y":${x}}`, 4),
    "starts at byte 0 and overlaps the tensor before it, which ends at 4",
  ],
  ["data cut short", file(`{"x":${x}}`, 3), "its tensors need 4 bytes, but only 3 are there"],
  ["bytes after the data", file(`{"x":${x}}`, 5), "its tensors need 4 bytes, but there are 5"],
  ["data of no tensor", file("{}", 1), "its tensors need 0 bytes, but there are 1"],
];

test.each(broken)("refuses %s", (_rule, bytes, message) => {
  expect(() => decodeSafetensors(bytes)).toThrow(message);
  expect(() => decodeSafetensors(bytes)).toThrow(
    /^safetensors: [^\n]{1,300}: (the file is damaged|another kind of file, or a damaged one)$/,
  );
});

test("another dtype is named, and does not count as damage", () => {
  expect(() => decodeSafetensors(file(`{"x":${entry("[2]", 0, 4, "BF16")}}`, 4))).toThrow(
    /^safetensors: tensor "x" has dtype BF16, only F32 and F16 can be read: convert the file$/,
  );
});

test("names of any length make short messages", () => {
  const name = "n".repeat(2 ** 20 - 200);
  expect(() => decodeSafetensors(file(`{"${name}":${x}}`, 5))).toThrow("5");
  expect(() => decodeSafetensors(file(`{"${name}":${entry("[2]", 0, 4)}}`, 4))).toThrow(/^[^\n]{1,300}$/);
});

test("a full header of 1 MiB is scanned in little time", () => {
  const nested = `{"x":${"[".repeat(2 ** 20 - 20)}`;
  expect(() => decodeSafetensors(file(nested, 0))).toThrow(/^safetensors: /);
  const many = Array.from({ length: 15_000 }, (_, i) => `"${i}":${entry("[1]", 4 * i, 4 * i + 4)}`);
  const start = performance.now();
  expect(decodeSafetensors(file(`{${many.join(",")}}`, 60_000)).tensors.size).toBe(15_000);
  expect(performance.now() - start).toBeLessThan(5_000);
});

test("3,000 mutations: each decodes within its own bytes, or is refused with our message", () => {
  // As files were before they had a checksum, which would catch nearly everything by itself.
  const tensors = [
    `"g.dense.weight":${entry("[2,3]", 0, 24)}`,
    `"g.dense.bias":${entry("[3]", 24, 36)}`,
    `"empty":${entry("[0,4]", 36, 36)}`,
    `"scalar":${entry("[]", 36, 40)}`,
  ];
  const metadata = JSON.stringify({ step: "800", config: '{"size":32,"base":8}' });
  const good = file(`{"__metadata__":${metadata},${tensors.join(",")}}`, 40);
  const headerEnd = 8 + new DataView(good.buffer).getUint32(0, true);
  const words = [
    "4294967296",
    "-1",
    "1e9",
    '"',
    "{",
    "}",
    "[",
    "]",
    ",",
    "\\",
    "null",
    '"shape":',
    "F16",
    "9".repeat(20),
  ];
  const random = randomNumbers(20);
  const below = (bound: number) => Math.floor(random() * bound);

  let decoded = 0;
  const refusals = new Set<string>();
  for (let i = 0; i < 3000; i++) {
    const bytes = mutate(good);
    try {
      const { tensors } = decodeSafetensors(bytes);
      let numbers = 0;
      for (const { shape, data } of tensors.values()) {
        expect(shape.reduce((product, size) => product * size, 1)).toBe(data.length);
        numbers += data.length;
      }
      expect(4 * numbers).toBeLessThanOrEqual(bytes.length);
      decoded++;
    } catch (error) {
      // Any other error (a RangeError of an allocation, a TypeError) is a defect.
      expect((error as Error).message).toMatch(/^safetensors: [^\n]{1,400}$/);
      refusals.add((error as Error).message.replace(/[0-9]+|".*"/g, ""));
    }
  }
  // The mutations reach both ends, and many rules between.
  expect(decoded).toBeGreaterThan(100);
  expect(refusals.size).toBeGreaterThan(20);

  function mutate(source: Uint8Array): Uint8Array {
    let bytes = [...source];
    for (let round = 1 + below(3); round > 0; round--) {
      const at = below(2) === 0 ? below(headerEnd) : below(bytes.length);
      const kind = below(8);
      if (kind === 0) bytes[at] ^= 1 << below(8);
      else if (kind === 1) bytes[at] = below(256);
      else if (kind === 2) bytes.length = at;
      else if (kind === 3) bytes.splice(at, below(9));
      else if (kind === 4) bytes.splice(at, 0, ...bytes.slice(at, at + below(40)));
      else if (kind === 5) bytes[below(8)] = below(256);
      else {
        // A word in the header, its length put right: past the first rules, on to the grammar and the layout.
        const header = new TextDecoder().decode(Uint8Array.from(bytes.slice(8, headerEnd)));
        const numbers = [...header.matchAll(/[0-9]+|[a-z]+/g)];
        const target = numbers[below(numbers.length)] ?? { index: 0, 0: "" };
        const word = kind === 6 ? words[below(words.length)] : String(below(30));
        const changed = header.slice(0, target.index) + word + header.slice(target.index + target[0].length);
        bytes = [...file(changed, 0), ...bytes.slice(headerEnd)];
      }
      if (bytes.length === 0) break;
    }
    return Uint8Array.from(bytes);
  }
});

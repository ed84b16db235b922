import { describe, expect, it } from "vitest";
import { exifOrientation, readTiffDirectory } from "../../src/data/tiff.ts";
import { exifOf, joined } from "./picture_files.ts";

describe("EXIF's orientation", () => {
  it("is read in both byte orders, with and without a JPEG's name in front", () => {
    for (let orientation = 1; orientation <= 8; orientation++) {
      for (const little of [false, true]) {
        const exif = exifOf(orientation, little);
        expect(exifOrientation(exif)).toBe(orientation);
        expect(exifOrientation(joined(new TextEncoder().encode("Exif\0\0"), exif))).toBe(orientation);
      }
    }
  });

  it("is upright if it is missing or makes no sense", () => {
    const exif = exifOf(6);
    for (let length = 0; length < 20; length++) expect(exifOrientation(exif.subarray(0, length))).toBe(1);
    for (const orientation of [0, 9, 256, 65535]) expect(exifOrientation(exifOf(orientation))).toBe(1);
    const none = exif.slice();
    none[17] = 0;
    expect(exifOrientation(none), "no numbers").toBe(1);
    const named = exif.slice();
    named[0] = 0;
    expect(exifOrientation(named), "no byte order").toBe(1);
    const text = exif.slice();
    text[13] = 2;
    expect(exifOrientation(text), "a text").toBe(1);
    // What there is counts, whatever the directory says of its length.
    const long = exif.slice();
    long[9] = 200;
    expect(exifOrientation(long)).toBe(6);
    expect(readTiffDirectory(long)?.whole).toBe(false);
  });
});

describe("a TIFF's directory", () => {
  it("leaves out entries whose numbers are not in the file, and reads none before it is asked", () => {
    const exif = exifOf(6);
    const many = exif.slice();
    many.set([0xff, 0xff, 0xff, 0xff], 14);
    expect(readTiffDirectory(many)?.entries.size).toBe(0);
    expect(readTiffDirectory(exif)?.entries.get(0x0112)).toMatchObject({ count: 1 });
    expect(readTiffDirectory(new Uint8Array(8))).toBeNull();
  });
});

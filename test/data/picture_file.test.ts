import { expect, test } from "vitest";
import { pictureFormat } from "../../src/data/picture_file.ts";

const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

test.each([
  ["JPEG", "\xff\xd8\xff\xe0"],
  ["PNG", "\x89PNG\r\n\x1a\n"],
  ["WebP", "RIFF....WEBPVP8 "],
  ["GIF", "GIF87a.."],
  ["GIF", "GIF89a.."],
  ["TIFF", "II*\0...."],
  ["TIFF", "MM\0*...."],
  ["AVIF", "\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"],
  // As written by phones: the general brand first, the specific one among the compatible ones.
  ["HEIC", "\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf"],
])("%s by its first bytes", (format, beginning) => {
  expect(pictureFormat(bytesOf(beginning))).toBe(format);
});

test.each([
  ["nothing", ""],
  ["half a PNG's signature", "\x89PNG"],
  ["half a JPEG's marker", "\xff\xd8"],
  ["a sound", "RIFF....WAVEfmt "],
  ["a film", "\0\0\0\x18ftypmp42\0\0\0\0mp42isom"],
  ["a brand behind the box", "\0\0\0\x10ftypmp42\0\0\0\0avif"],
  ["a box without a size", "\0\0\0\0ftypavif"],
])("%s is no picture", (_, beginning) => {
  expect(pictureFormat(bytesOf(beginning))).toBeNull();
});

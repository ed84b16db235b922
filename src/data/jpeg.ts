/**
 * The structure of a JPEG file (ITU-T T.81): its segments, without decoding any. The terminal and the page have different
 * decoders, but refuse the same files before these see them. Where a file is slightly out of specification, libjpeg's
 * rules apply, since they are what other programs follow.
 */

import { checkSize, maxPixels } from "./picture_file.ts";
import { exifOrientation } from "./tiff.ts";

/** Real progressive JPEGs have about ten scans. Each may cost a pass over the picture for a few bytes of file. */
const maxScans = 100;
/** The same for large pictures: pixels times scans, 20 scans of the largest picture. */
const maxScanPixels = 20 * maxPixels;

export interface JpegHeader {
  width: number;
  height: number;
  /** 1…8, EXIF's tag 0x0112. */
  orientation: number;
  /** 1: grey; 3: RGB; 4: CMYK. */
  components: number;
  /** The offset after the end marker. Phones append other pictures and films. */
  end: number;
  /** Bytes between segments that belong to none, [begin, end); decoders skip them. */
  stray: [begin: number, end: number][];
}

/**
 * Walks all segments to the end marker.
 * @throws a one-line Error that names what is wrong: cut short, damaged, too large, or of an unsupported kind
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let frame: JpegFrame | null = null;
  let orientation: number | null = null;
  const stray: JpegHeader["stray"] = [];
  let scans = 0;
  let inScan = false;
  let at = 2;
  for (;;) {
    const before = at;
    at = nextMarker(bytes, at);
    // Any number of FF may stand before a marker.
    const gap = bytes.subarray(before, at - 2);
    if (!inScan && gap.some((byte) => byte !== 0xff)) stray.push([before, at - 2]);
    const marker = bytes[at - 1];
    if (marker === 0xd9) break;
    const length = at + 2 <= bytes.length ? view.getUint16(at) : 0;
    if (length < 2 || at + length > bytes.length) {
      throw new Error(`JPEG cut short: segment ${hex(marker)} at byte ${at - 2} is incomplete`);
    }
    const segment = bytes.subarray(at + 2, at + length);
    at += length;
    inScan = marker === 0xda;
    // The first Exif segment counts, also where it does not say how the picture stands.
    if (marker === 0xe1 && beginsWith(segment, "Exif\0\0")) orientation ??= exifOrientation(segment.subarray(6));
    else if (inScan) {
      if (!frame) throw new Error("damaged JPEG: a scan before the frame header");
      if (!(segment[0] >= 1 && segment[0] <= frame.components)) {
        throw new Error(`damaged JPEG: a scan of ${segment[0] ?? 0} components, the frame has ${frame.components}`);
      }
      const max = Math.min(maxScans, Math.floor(maxScanPixels / (frame.width * frame.height)));
      if (++scans > max) {
        throw new Error(
          `JPEG of ${frame.width}×${frame.height} pixels in more than ${max} scans: save it with fewer, or as baseline`,
        );
      }
    } else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      if (frame) throw new Error("damaged JPEG: two frame headers");
      frame = readJpegFrame(marker, segment);
      // Every block of 8×8 takes at least one bit: a few bytes that promise a large picture are not worth its memory.
      if (bytes.length < (frame.width * frame.height) / 512) {
        throw new Error(`JPEG cut short: ${bytes.length} bytes cannot hold ${frame.width}×${frame.height} pixels`);
      }
    }
  }
  if (!frame || scans === 0) throw new Error("damaged JPEG: it ends before its picture");
  return { ...frame, orientation: orientation ?? 1, end: at, stray };
}

/** The offset after the next marker, between segments or in a scan's data, where FF 00 and restarts count as data. */
function nextMarker(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const code = bytes[at + 1];
    if (code >= 0xc0 && code !== 0xff && !(code >= 0xd0 && code <= 0xd7)) return at + 2;
  }
  throw new Error("JPEG cut short: its end marker is missing");
}

interface JpegFrame {
  width: number;
  height: number;
  components: number;
}

/** Huffman coded or arithmetic, baseline, extended or progressive. */
const supportedFrames = [0xc0, 0xc1, 0xc2, 0xc9, 0xca];

function readJpegFrame(marker: number, segment: Uint8Array): JpegFrame {
  if (!supportedFrames.includes(marker))
    throw new Error(`JPEG with marker ${hex(marker)}: only baseline and progressive ones are supported`);
  const [precision, heightHigh, heightLow, widthHigh, widthLow, components] = segment;
  if (segment.length < 6 || segment.length < 6 + 3 * components)
    throw new Error("damaged JPEG: its frame header is too short");
  if (precision !== 8) throw new Error(`JPEG of ${precision} bits a sample: only 8 are supported`);
  const width = widthHigh * 256 + widthLow;
  const height = heightHigh * 256 + heightLow;
  checkSize("JPEG", width, height);
  if (![1, 3, 4].includes(components)) {
    throw new Error(`JPEG of ${components} components: only 1, 3 and 4 (CMYK) are supported`);
  }
  for (let i = 6; i < 6 + 3 * components; i += 3) {
    const [h, v] = [segment[i + 1] >> 4, segment[i + 1] & 15];
    if (!(h >= 1 && h <= 4 && v >= 1 && v <= 4)) throw new Error(`damaged JPEG: sampling factors ${h}×${v}`);
  }
  return { width, height, components };
}

function beginsWith(bytes: Uint8Array, text: string): boolean {
  return [...text].every((character, i) => bytes[i] === character.charCodeAt(0));
}

const hex = (marker: number) => `FF${marker.toString(16).toUpperCase().padStart(2, "0")}`;

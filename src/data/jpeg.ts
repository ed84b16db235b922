/**
 * What a JPEG file (ITU-T T.81) says of itself. Its decoders differ, jpeg-js in Node and a browser's own on the page; what
 * is refused before they see it does not.
 */
import { checkSize } from "./picture_file.ts";

/** Real progressive JPEGs have about ten; each may cost a pass over the picture for a few bytes of file. */
const maxScans = 100;

export interface JpegHeader {
  width: number;
  height: number;
  /** 1…8, EXIF's tag 0x0112. */
  orientation: number;
  /** Whether the three components are Y Cb Cr. */
  colorTransform: boolean;
}

/**
 * Walks all segments to the end marker.
 * @throws Error one line that names what is wrong: cut short, damaged, too large, or of an unsupported kind
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let frame: { width: number; height: number; ids: number[] } | null = null;
  let orientation = 1;
  let adobeTransform: number | null = null;
  let jfif = false;
  let scans = 0;
  let at = 2;
  for (;;) {
    at = nextMarker(bytes, at);
    const marker = bytes[at - 1];
    if (marker === 0xd9) break;
    const length = at + 2 <= bytes.length ? view.getUint16(at) : 0;
    if (length < 2 || at + length > bytes.length) {
      throw new Error(`JPEG cut short: segment ${hex(marker)} at byte ${at - 2} is not whole`);
    }
    const segment = bytes.subarray(at + 2, at + length);
    at += length;
    if (marker === 0xe0 && beginsWith(segment, "JFIF\0")) jfif = true;
    else if (marker === 0xe1 && beginsWith(segment, "Exif\0\0")) orientation = exifOrientation(segment.subarray(6));
    else if (marker === 0xee && beginsWith(segment, "Adobe") && segment.length >= 12) adobeTransform = segment[11];
    else if (marker === 0xda) {
      if (!frame) throw new Error("damaged JPEG: a scan before the frame header");
      if (!(segment[0] >= 1 && segment[0] <= frame.ids.length)) {
        throw new Error(`damaged JPEG: a scan of ${segment[0] ?? 0} components, the frame has ${frame.ids.length}`);
      }
      if (++scans > maxScans) throw new Error(`damaged JPEG: more than ${maxScans} scans`);
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
  // Adobe's segment says it, JFIF is always Y Cb Cr, and else the components' names decide (libjpeg's rule).
  const named = frame.ids.map((id) => String.fromCharCode(id)).join("");
  const colorTransform = adobeTransform !== null ? adobeTransform !== 0 : jfif || named !== "RGB";
  return { width: frame.width, height: frame.height, orientation, colorTransform };
}

/** The offset behind the next marker, be it behind segments or in a scan's data, where FF 00 and restarts stand for data. */
function nextMarker(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const code = bytes[at + 1];
    if (code >= 0xc0 && code !== 0xff && !(code >= 0xd0 && code <= 0xd7)) return at + 2;
  }
  throw new Error("JPEG cut short: its end marker is missing");
}

function readJpegFrame(marker: number, segment: Uint8Array): { width: number; height: number; ids: number[] } {
  if (marker > 0xc2)
    throw new Error(`JPEG with marker ${hex(marker)}: only baseline and progressive ones are supported`);
  const [precision, heightHigh, heightLow, widthHigh, widthLow, count] = segment;
  if (segment.length < 6 || segment.length < 6 + 3 * count)
    throw new Error("damaged JPEG: its frame header is too short");
  if (precision !== 8) throw new Error(`JPEG of ${precision} bits a sample: only 8 are supported`);
  const width = widthHigh * 256 + widthLow;
  const height = heightHigh * 256 + heightLow;
  checkSize("JPEG", width, height);
  if (count === 4) throw new Error("CMYK JPEG: only RGB and grey ones are supported, save it as RGB");
  if (count !== 1 && count !== 3) throw new Error(`JPEG of ${count} components: only 1 and 3 are supported`);
  const ids: number[] = [];
  for (let i = 6; i < 6 + 3 * count; i += 3) {
    const [h, v] = [segment[i + 1] >> 4, segment[i + 1] & 15];
    if (!(h >= 1 && h <= 4 && v >= 1 && v <= 4)) throw new Error(`damaged JPEG: sampling factors ${h}×${v}`);
    ids.push(segment[i]);
  }
  return { width, height, ids };
}

/** EXIF is a TIFF file: byte order, the offset of a directory, its 12-byte entries. Anything unexpected means upright. */
function exifOrientation(tiff: Uint8Array): number {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.length);
  if (tiff.length < 8) return 1;
  const little = beginsWith(tiff, "II");
  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.length) return 1;
  const end = directory + 2 + 12 * view.getUint16(directory, little);
  for (let entry = directory + 2; entry + 12 <= Math.min(end, tiff.length); entry += 12) {
    const [tag, type] = [view.getUint16(entry, little), view.getUint16(entry + 2, little)];
    if (tag !== 0x0112 || type !== 3) continue;
    const value = view.getUint16(entry + 8, little);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

function beginsWith(bytes: Uint8Array, text: string): boolean {
  return [...text].every((character, i) => bytes[i] === character.charCodeAt(0));
}

const hex = (marker: number) => `FF${marker.toString(16).toUpperCase().padStart(2, "0")}`;

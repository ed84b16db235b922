/** The first directory of a TIFF file (TIFF 6.0), which is also what EXIF data are. */

const tags = {
  newSubfileType: 0x00fe,
  photometric: 0x0106,
  orientation: 0x0112,
  dngVersion: 0xc612,
};

/** Whole numbers of a directory, read one at a time: a hostile file's entries may all claim the same megabytes. */
export interface TiffEntry {
  count: number;
  /** The i-th number, for i < count. */
  at(i: number): number;
}

/** Bytes of a BYTE, SHORT and LONG. */
const numberBytes: Record<number, number> = { 1: 1, 3: 2, 4: 4 };

export interface TiffDirectory {
  /** Entries that hold whole numbers, by tag; of two with the same tag the first; none whose numbers are not in the file. */
  entries: Map<number, TiffEntry>;
  /** Whether all of it is in the file. */
  whole: boolean;
}

/** @returns null where there is no directory */
export function readTiffDirectory(bytes: Uint8Array): TiffDirectory | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 8) return null;
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return null;
  const little = order === 0x4949;
  const directory = view.getUint32(4, little);
  if (directory + 2 > bytes.length) return null;
  const end = directory + 2 + 12 * view.getUint16(directory, little);
  const whole = end <= bytes.length;
  const entries = new Map<number, TiffEntry>();
  for (let at = directory + 2; at + 12 <= Math.min(end, bytes.length); at += 12) {
    const tag = view.getUint16(at, little);
    const size = numberBytes[view.getUint16(at + 2, little)];
    const count = view.getUint32(at + 4, little);
    if (!size || entries.has(tag)) continue;
    // Up to four bytes are in the entry itself.
    const first = size * count <= 4 ? at + 8 : view.getUint32(at + 8, little);
    if (first + size * count > bytes.length) continue;
    entries.set(tag, {
      count,
      at(i) {
        const offset = first + i * size;
        if (size === 1) return view.getUint8(offset);
        return size === 2 ? view.getUint16(offset, little) : view.getUint32(offset, little);
      },
    });
  }
  return { entries, whole };
}

/**
 * How a picture lies, 1…8, by its EXIF data: a JPEG's APP1 segment, a PNG's eXIf chunk, a WebP's EXIF chunk, with or
 * without the name that begins a JPEG's. Anything unexpected means upright, 1.
 */
export function exifOrientation(exif: Uint8Array): number {
  const named = String.fromCharCode(...exif.subarray(0, 6)) === "Exif\0\0";
  const entry = readTiffDirectory(named ? exif.subarray(6) : exif)?.entries.get(tags.orientation);
  const value = entry && entry.count > 0 ? entry.at(0) : 1;
  return value >= 1 && value <= 8 ? value : 1;
}

const colourFilterArray = 32803;
const linearRaw = 34892;

/**
 * Whether a TIFF file is a camera's raw data (DNG, NEF, CR2, ARW and others). Their first picture, which is what a reader of
 * TIFFs sees, is a thumbnail.
 */
export function isCameraRaw(tiff: Uint8Array): boolean {
  const entries = readTiffDirectory(tiff)?.entries;
  const firstOf = (tag: number) => {
    const entry = entries?.get(tag);
    return entry && entry.count > 0 ? entry.at(0) : 0;
  };
  const photometric = firstOf(tags.photometric);
  return (
    !!entries?.has(tags.dngVersion) ||
    // Bit 0: a smaller version of another picture of the file.
    (firstOf(tags.newSubfileType) & 1) === 1 ||
    photometric === colourFilterArray ||
    photometric === linearRaw ||
    // Canon's mark.
    (tiff[8] === 0x43 && tiff[9] === 0x52)
  );
}

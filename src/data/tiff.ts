/** TIFF's directories, which Exif has too: byte order, the offset of the first directory, its entries of 12 bytes each. */

const tags = {
  newSubfileType: 0x00fe,
  photometric: 0x0106,
  orientation: 0x0112,
  dngVersion: 0xc612,
};

/**
 * The first directory's entries: tag → its first value, 0 where it is no whole number or does not stand in the entry itself.
 * @param tiff a TIFF file, a JPEG's Exif segment behind `Exif\0\0`, or a PNG's eXIf chunk
 * @returns nothing where anything is unexpected
 */
function readDirectory(tiff: Uint8Array): Map<number, number> {
  const found = new Map<number, number>();
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.length);
  if (tiff.length < 8) return found;
  const little = tiff[0] === 0x49 && tiff[1] === 0x49;
  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.length) return found;
  const end = directory + 2 + 12 * view.getUint16(directory, little);
  for (let entry = directory + 2; entry + 12 <= Math.min(end, tiff.length); entry += 12) {
    const tag = view.getUint16(entry, little);
    if (!found.has(tag)) found.set(tag, entryValue(view, entry, little));
  }
  return found;
}

function entryValue(view: DataView, entry: number, little: boolean): number {
  switch (view.getUint16(entry + 2, little)) {
    case 1:
      return view.getUint8(entry + 8);
    case 3:
      return view.getUint16(entry + 8, little);
    case 4:
      return view.getUint32(entry + 8, little);
    default:
      return 0;
  }
}

/** How a picture is stored, 1…8 (EXIF 2.3, tag 0x0112); 1 (upright) where the Exif does not say it or makes no sense. */
export function exifOrientation(tiff: Uint8Array): number {
  const value = readDirectory(tiff).get(tags.orientation) ?? 1;
  return value >= 1 && value <= 8 ? value : 1;
}

const colourFilterArray = 32803;
const linearRaw = 34892;

/**
 * Whether a TIFF file is a camera's raw data (DNG, NEF, CR2, ARW and others). Their first picture, which is what a reader of
 * TIFFs sees, is a thumbnail.
 */
export function isCameraRaw(tiff: Uint8Array): boolean {
  const directory = readDirectory(tiff);
  const photometric = directory.get(tags.photometric);
  return (
    directory.has(tags.dngVersion) ||
    // Bit 0: a smaller version of another picture of the file.
    ((directory.get(tags.newSubfileType) ?? 0) & 1) === 1 ||
    photometric === colourFilterArray ||
    photometric === linearRaw ||
    // Canon's mark.
    (tiff[8] === 0x43 && tiff[9] === 0x52)
  );
}

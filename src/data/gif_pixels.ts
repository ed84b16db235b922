/** The pixels of a GIF's frame: which colour each gets, and their LZW codes. */

/** A rectangle of a frame. Its pixels are RGB words, row by row. */
export interface Area {
  readonly width: number;
  readonly pixels: Uint32Array;
  /** What the screen shows there before this frame; null if nothing. */
  readonly shown: Uint32Array | null;
  /** 1 where what is shown may stay. */
  readonly still: Uint8Array;
}

export interface Choice {
  readonly colours: readonly number[];
  /** The index that leaves what is shown; only where `shown` is not null. */
  readonly transparent: number;
  /** A colour at most this far away, squared, may stand for a pixel's when that makes the file smaller. */
  readonly tolerance: number;
}

/** How many colours a pixel can choose from. */
const maxChoices = 8;
const maxCodes = 4096;

/**
 * Chooses an index for every pixel while it compresses: the one nearest to the pixel's colour among those with which the
 * current string is already in the table; when there is none, the nearest of all begins a new string.
 *
 * Pictures here are often enlarged, each pixel a square. So a pixel like its left neighbour gets its index, and a row
 * like the row above gets that row's: squares stay squares.
 * @param put takes the codes, each with its width in bits @param colourBits of an index, at least 2
 * @returns the indices
 */
export function choosePixels(
  area: Area,
  choice: Choice,
  colourBits: number,
  put: (code: number, width: number) => void,
): Uint8Array {
  const { pixels, still } = area;
  const choices = choicesFor(choice);
  const copied = copiesIn(area);
  const indices = new Uint8Array(pixels.length);
  const clear = 1 << colourBits;
  /** Code of a known string and one more index; 0 = none yet. */
  const longer = new Uint16Array(maxCodes << 8);
  let next = clear + 2;
  let width = colourBits + 1;
  let string = -1;
  put(clear, width);
  for (let i = 0; i < pixels.length; i++) {
    const candidates = copied[i] > 0 ? null : choices(pixels[i], still[i] === 1);
    let index = candidates === null ? indices[i - copied[i]] : candidates[0];
    let code = string < 0 ? 0 : longer[(string << 8) | index];
    if (candidates !== null && string >= 0) {
      for (let k = 1; code === 0 && k < candidates.length; k++) {
        code = longer[(string << 8) | candidates[k]];
        if (code !== 0) index = candidates[k];
      }
    }
    indices[i] = index;
    if (code !== 0) {
      string = code;
      continue;
    }
    if (string >= 0) {
      put(string, width);
      if (next === maxCodes) {
        put(clear, width);
        longer.fill(0);
        next = clear + 2;
        width = colourBits + 1;
      } else {
        // Decoders are one code behind: the width grows with the code after the last that fits.
        if (next === 1 << width) width++;
        longer[(string << 8) | index] = next++;
      }
    }
    string = index;
  }
  put(string, width);
  // The decoder has learned a string from that too.
  if (next < maxCodes && next === 1 << width) width++;
  put(clear + 1, width);
  return indices;
}

/** The distance back to the pixel whose index each pixel shares: 1, the width, or 0 for none. */
function copiesIn({ width, pixels, shown }: Area): Uint16Array {
  const copied = new Uint16Array(pixels.length);
  const same = (i: number, j: number) => pixels[i] === pixels[j] && (shown === null || shown[i] === shown[j]);
  for (let row = 0; row < pixels.length; row += width) {
    let repeated = row > 0;
    for (let i = row; repeated && i < row + width; i++) repeated = same(i, i - width);
    for (let i = row; i < row + width; i++) copied[i] = repeated ? width : i > row && same(i, i - 1) ? 1 : 0;
  }
  return copied;
}

/** The indices that may stand for a colour, the best first: at least one. With `still`, what is shown is the best. */
function choicesFor({ colours, transparent, tolerance }: Choice): (colour: number, still: boolean) => Uint8Array {
  const known = new Map<number, Uint8Array>();
  // This is done for tens of thousands of colours a frame: no call, no allocation in the loop.
  const [reds, greens, blues] = [0, 8, 16].map((shift) => Int16Array.from(colours, (other) => (other >> shift) & 255));
  const near = new Uint8Array(maxChoices);
  const distances = new Float64Array(maxChoices);
  const find = (colour: number, still: boolean): number[] => {
    const [r, g, b] = [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
    let count = 0;
    let nearest = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let k = 0; k < reds.length; k++) {
      const distance = (r - reds[k]) ** 2 + (g - greens[k]) ** 2 + (b - blues[k]) ** 2;
      if (distance < least) [nearest, least] = [k, distance];
      if (distance > tolerance || (count === maxChoices && distance >= distances[count - 1])) continue;
      let place = count === maxChoices ? count - 1 : count++;
      for (; place > 0 && distances[place - 1] > distance; place--) {
        distances[place] = distances[place - 1];
        near[place] = near[place - 1];
      }
      distances[place] = distance;
      near[place] = k;
    }
    const found = [...near.subarray(0, count)];
    if (still) return [transparent, ...found];
    return count > 0 ? found : [nearest];
  };
  return (colour, still) => {
    // Colours have 24 bits.
    const key = still ? colour | (1 << 24) : colour;
    let found = known.get(key);
    if (!found) {
      found = Uint8Array.from(find(colour, still));
      known.set(key, found);
    }
    return found;
  };
}

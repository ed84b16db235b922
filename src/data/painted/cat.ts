/** What a cat is: every choice about it, made from a random stream. */

import { frame } from "./canvas.ts";
import {
  blend,
  COATS,
  type Coat,
  difference,
  EYES,
  INK,
  POINT_BLUE,
  POINT_BROWN,
  type Rgb,
  rgb,
  SKIES,
  WHITE,
} from "./colours.ts";
import type { Random } from "./random.ts";

export type Side = -1 | 1;
export const SIDES: readonly Side[] = [-1, 1];

interface Patch {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly colour: Rgb;
}

export type Cat = ReturnType<typeof describeCat>;

/** Every choice about one cat. Lengths are in the head's frame, where the face is about 1.4 wide. */
export function describeCat(random: Random) {
  const { between, chance, pick } = random;
  const pattern = pick(["tabby", "solid", "bicolour", "points", "calico"] as const, [34, 22, 22, 11, 11]);
  const name = {
    tabby: () => pick(["ginger", "brown", "silver", "cream", "grey"] as const, [5, 4, 3, 2, 3]),
    solid: () => pick(["black", "white", "grey", "cream", "chocolate", "ginger"] as const, [4, 4, 4, 2, 3, 2]),
    bicolour: () => pick(["black", "grey", "ginger", "chocolate", "cream"] as const, [5, 3, 3, 2, 1]),
    points: () => "cream" as const,
    calico: () => "white" as const,
  }[pattern]();
  const base = COATS[name];
  const tint = (colour: Rgb, amount: number): Rgb => blend(colour, amount < 0 ? INK : WHITE, Math.abs(amount));
  const shift = between(name === "white" ? -0.03 : -0.12, 0.12); // darkened white looks dirty
  const points = pattern === "points" ? pick([POINT_BROWN, POINT_BLUE], [3, 1]) : undefined;
  const colours: Coat = points
    ? {
        fur: blend(rgb(0xf3e6d2), WHITE, between(0, 0.5)),
        dark: rgb(0xb39a83),
        pale: WHITE,
        nose: blend(points, INK, 0.3),
      }
    : { ...base, fur: tint(base.fur, shift), dark: tint(base.dark, shift / 2) };

  const white = pattern === "bicolour" || (pattern === "tabby" && chance(0.25));
  const patches: Patch[] = [];
  const earColours: [Rgb, Rgb] = [points ?? colours.fur, points ?? colours.fur];
  if (pattern === "calico") {
    const warm = pick(SIDES);
    const [ginger, black] = pick(
      [
        [COATS.ginger, COATS.black],
        [COATS.cream, COATS.grey],
      ],
      [3, 1],
    );
    for (const side of SIDES) {
      const colour = (side === warm ? ginger : black).fur;
      patches.push({ x: side * between(0.4, 0.5), y: between(-0.34, -0.14), radius: between(0.3, 0.42), colour });
      earColours[side < 0 ? 0 : 1] = colour;
    }
  }

  const eyeName = points
    ? "blue"
    : pick(["green", "jade", "amber", "copper", "blue"] as const, name === "white" ? [2, 2, 2, 1, 5] : [5, 3, 5, 3, 2]);
  const oddEyed = !points && chance(name === "white" ? 0.1 : 0.025);
  const otherEye = oddEyed ? (eyeName === "blue" ? "amber" : "blue") : eyeName;

  // The more the background differs from the fur, the better the cat stands out: the better of two.
  const skies = [pick(SKIES), pick(SKIES)];
  const contrasts = skies.map(([top, bottom]) => difference(blend(top, bottom, 0.5), colours.fur));
  const sky = skies[contrasts[0] > contrasts[1] ? 0 : 1];

  const tilt = between(-0.13, 0.13);
  return {
    colours,
    points,
    patches,
    earColours,
    stripes: pattern === "tabby" ? between(0.75, 1) : 0,
    blaze: white ? between(0.05, 0.16) : 0,
    white: white || pattern === "calico",
    sky,
    motif: pick(["none", "sun", "stripes", "bokeh"] as const, [68, 13, 7, 12]),
    motifX: between(-0.6, 0.6),
    dots: Array.from({ length: 7 }, () => ({ x: between(-1, 1), y: between(-1, 0.6), radius: between(0.06, 0.2) })),
    headFrame: frame(between(-0.05, 0.05), between(0.1, 0.16), between(0.95, 1.03), tilt),
    faceWidth: between(0.95, 1.06),
    cheeks: between(0.3, 0.38),
    fluff: between(0.03, 0.12),
    earTip: { x: between(0.5, 0.62), y: between(-0.95, -0.84) },
    earBulge: between(0.03, 0.09),
    earTufts: between(0, 1),
    eye: {
      x: between(0.275, 0.305),
      y: between(0.03, 0.08),
      width: between(0.18, 0.205),
      height: between(0.185, 0.21),
      almond: chance(0.5) ? between(0, 0.3) : between(0.3, 0.9),
      slant: between(0.02, 0.2),
      pupil: pick([between(0.24, 0.36), between(0.36, 0.54), between(0.54, 0.7)], [2, 4, 4]),
      gaze: between(-0.02, 0.02),
      colours: chance(0.5) ? [EYES[eyeName], EYES[otherEye]] : [EYES[otherEye], EYES[eyeName]],
    },
    smile: between(0.6, 1.2),
    tongue: chance(0.08),
    whiskers: between(0.85, 1.1),
    blush: between(0.12, 0.34),
    collar: chance(0.35) ? pick([0xe0485a, 0x3d8fd6, 0x35a884, 0xf2789f, 0x8d63c9].map(rgb)) : undefined,
  };
}

/** Colours in sRGB, 0…255, and the palettes that cats and backgrounds are chosen from. */

export type Rgb = readonly [red: number, green: number, blue: number];

export const rgb = (hex: number): Rgb => [hex >> 16, (hex >> 8) & 255, hex & 255];
export const blend = (a: Rgb, b: Rgb, t: number): Rgb => [
  a[0] + (b[0] - a[0]) * t,
  a[1] + (b[1] - a[1]) * t,
  a[2] + (b[2] - a[2]) * t,
];
export const difference = (a: Rgb, b: Rgb) => Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]) + Math.abs(a[2] - b[2]);
export const lightness = (c: Rgb) => (0.3 * c[0] + 0.59 * c[1] + 0.11 * c[2]) / 255;

export const WHITE = rgb(0xfffaf2);
export const INK = rgb(0x2b2028);
export const BLUSH = rgb(0xff7d80);

export interface Coat {
  readonly fur: Rgb;
  /** Stripes, shade and outline. */
  readonly dark: Rgb;
  /** Muzzle and chest. */
  readonly pale: Rgb;
  readonly nose: Rgb;
}
const coat = (fur: number, dark: number, pale: number, nose: number): Coat => ({
  fur: rgb(fur),
  dark: rgb(dark),
  pale: rgb(pale),
  nose: rgb(nose),
});
export const COATS = {
  ginger: coat(0xf29a45, 0xc4601f, 0xfff0d8, 0xe8748a),
  cream: coat(0xf8ddb4, 0xd9a66d, 0xfffaee, 0xee8e98),
  grey: coat(0x8f9cad, 0x5a6577, 0xe3e8ee, 0x56596b),
  silver: coat(0xc6ccd4, 0x717b8a, 0xfafbfc, 0xd97f88),
  black: coat(0x3f3b49, 0x221f2a, 0x66606f, 0x1d1a22),
  white: coat(0xfbf6ee, 0xcbbfb6, 0xffffff, 0xf29aa4),
  chocolate: coat(0x8a5a3f, 0x55311f, 0xdcb795, 0x4d2a22),
  brown: coat(0xb08e66, 0x5d4330, 0xf3e6cf, 0xcf7168),
};
export const POINT_BROWN = rgb(0x59402f);
export const POINT_BLUE = rgb(0x6d7485);

export const EYES = {
  green: rgb(0x7fce4f),
  jade: rgb(0x3fbf95),
  amber: rgb(0xffc02e),
  copper: rgb(0xe8802a),
  blue: rgb(0x4fb3f5),
};

/** Top and bottom of the background: warm rows, then cool ones, then the evening. */
export const SKIES: readonly (readonly [Rgb, Rgb])[] = [
  [rgb(0xffe3bd), rgb(0xffab91)],
  [rgb(0xffefb8), rgb(0xffca70)],
  [rgb(0xffdbe2), rgb(0xf498b2)],
  [rgb(0xf9b9a4), rgb(0xd9769a)],
  [rgb(0xcdeeff), rgb(0x84bff2)],
  [rgb(0xd4f5e6), rgb(0x74cbb6)],
  [rgb(0xe2daff), rgb(0xa194ec)],
  [rgb(0xaddfe6), rgb(0x4c9fb8)],
  [rgb(0xe0f0c0), rgb(0x93c77f)],
  [rgb(0x6a73b8), rgb(0x3b3f7a)],
  [rgb(0x3f8c8a), rgb(0x1d5260)],
  [rgb(0xf0a58f), rgb(0x7a66ae)],
];

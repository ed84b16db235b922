/**
 * RGB to the planes that video codecs take, so that no browser's own conversion decides the colours: BT.709 in the limited
 * range, one chroma sample for 2×2 pixels (Rec. ITU-R BT.709-6, items 3.2 to 3.5).
 */
import type { Image } from "../../data/image.ts";

export interface Planes {
  /** Even: if the image's is odd, its last column or row is repeated. */
  readonly width: number;
  readonly height: number;
  /** Y, then Cb, then Cr: [height, width], [height/2, width/2], [height/2, width/2]. */
  readonly data: Uint8Array<ArrayBuffer>;
}

const [red, green, blue] = [0.2126, 0.7152, 0.0722];

export function planesOf({ width: w, height: h, rgba }: Image): Planes {
  const [width, height] = [w + (w & 1), h + (h & 1)];
  const luma = width * height;
  // Values are rounded and kept in 0 … 255 by the array.
  const data = new Uint8ClampedArray((luma * 3) / 2);
  for (let y = 0, chroma = luma; y < height; y += 2) {
    for (let x = 0; x < width; x += 2, chroma++) {
      let [cb, cr] = [0, 0];
      for (let corner = 0; corner < 4; corner++) {
        const [u, v] = [x + (corner & 1), y + (corner >> 1)];
        const at = 4 * (Math.min(v, h - 1) * w + Math.min(u, w - 1));
        const [r, g, b] = [rgba[at] / 255, rgba[at + 1] / 255, rgba[at + 2] / 255];
        const light = red * r + green * g + blue * b;
        data[v * width + u] = 16 + 219 * light;
        cb += (b - light) / (2 - 2 * blue);
        cr += (r - light) / (2 - 2 * red);
      }
      data[chroma] = 128 + (224 * cb) / 4;
      data[chroma + luma / 4] = 128 + (224 * cr) / 4;
    }
  }
  return { width, height, data: new Uint8Array(data.buffer) };
}

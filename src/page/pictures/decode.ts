/**
 * One picture file → RGB in a browser's worker. The browser's own decoder does the work. In addition, files that were cut
 * short are refused here, since some browsers show an incomplete picture, and so are pictures that are too large for
 * memory. What is refused, and with which message, is the same as on the command line.
 */
import { Gate } from "../../data/gate.ts";
import { readJpegHeader } from "../../data/jpeg.ts";
import { placesOf } from "../../data/orientation.ts";
import { maxPixels, type Picture, type PictureFormat, pictureFormat, unknownFormat } from "../../data/picture_file.ts";
import { readPictureSize } from "../../data/picture_size.ts";
import { type Decodable, examinePng, examineWebp } from "./metadata.ts";

/** Pixels are read back in squares of this size, because some browsers refuse a canvas as large as the picture. */
const tile = 1024;

/** Pictures that take longer are refused; the largest take a few seconds. */
const maxSeconds = 30;

/** Limits the total number of pixels of the pictures that are decoded at the same time. */
const gate = new Gate(maxPixels);

/**
 * A whole file's picture, as the command line's `decodePicture`: upright, in sRGB, transparency laid on white, 16 bits
 * rounded to 8, of an animation the first frame.
 * @throws a one-line Error that names what is wrong: not a picture, cut short, damaged, too large, or of an unsupported kind
 */
export async function decodePicture(bytes: Uint8Array): Promise<Picture> {
  const format = pictureFormat(bytes);
  if (format === null) throw new Error(unknownFormat);
  const { file, pixels, orientation } = examine(format, bytes);
  return await gate.pass(pixels, async () => {
    const image = await decode(file, format);
    try {
      const [width, height] =
        "width" in image ? [image.width, image.height] : [image.displayWidth, image.displayHeight];
      if (width * height > pixels) throw new Error(`damaged ${format}: it holds two sizes`);
      return readBack(image, width, height, orientation);
    } finally {
      image.close();
    }
  });
}

/** Walks the file's structure. @throws Error cut short, damaged or too large */
function examine(format: PictureFormat, bytes: Uint8Array): Decodable {
  if (format === "PNG") return examinePng(bytes);
  if (format === "WebP") return examineWebp(bytes);
  // The browser turns these.
  if (format === "JPEG") {
    const { width, height, components } = readJpegHeader(bytes);
    if (components === 4) throw new Error("CMYK JPEG: browsers do not apply its colour profile, save it as RGB");
    return { file: bytes, pixels: width * height, orientation: 1 };
  }
  const { width, height } = readPictureSize(format, bytes);
  return { file: bytes, pixels: width * height, orientation: 1 };
}

type Decoded = ImageBitmap | VideoFrame;

async function decode(file: Uint8Array, format: PictureFormat): Promise<Decoded> {
  const type = `image/${format.toLowerCase()}`;
  let timer = 0;
  const tooLong = new Promise<null>((resolve) => {
    timer = self.setTimeout(() => resolve(null), 1000 * maxSeconds);
  });
  const decoding = startDecoding(file as Uint8Array<ArrayBuffer>, type);
  try {
    const image = await Promise.race([decoding, tooLong]);
    if (image) return image;
  } catch {
    throw new Error(
      (await isDecoded(type))
        ? `damaged ${format}`
        : `${format} pictures cannot be decoded by this browser: convert them to JPEG first`,
    );
  } finally {
    clearTimeout(timer);
  }
  // It cannot be stopped.
  decoding.then(
    (image) => image.close(),
    () => {},
  );
  throw new Error(`${format} that takes more than ${maxSeconds} seconds to decode`);
}

/**
 * In Firefox, createImageBitmap decodes on the page's main thread and blocks it for a second with the largest
 * pictures; ImageDecoder gives the same pixels without blocking. In Chromium, ImageDecoder is the worse choice: it gives a
 * JPEG's chroma at half the resolution, which a canvas upsamples differently from libjpeg.
 */
async function startDecoding(file: Uint8Array<ArrayBuffer>, type: string): Promise<Decoded> {
  if (!navigator.userAgent.includes("Firefox/")) {
    return await createImageBitmap(new Blob([file], { type }), {
      colorSpaceConversion: "default",
      imageOrientation: "from-image",
    });
  }
  const decoder = new ImageDecoder({ data: file, type });
  try {
    return (await decoder.decode()).image;
  } finally {
    decoder.close();
  }
}

/** Safari has no ImageDecoder, and decodes all formats supported here. */
async function isDecoded(type: string): Promise<boolean> {
  return typeof ImageDecoder === "undefined" || (await ImageDecoder.isTypeSupported(type));
}

let canvas: OffscreenCanvasRenderingContext2D | null = null;

/** On the CPU, where the pixels are needed. @throws Error where the browser does not let pixels be read */
function openCanvas(): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(tile, tile).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser gives no canvas to read pictures with");
  // Protection against fingerprinting may replace a canvas's pixels with noise. A little does no harm.
  const expected = [200, 100, 50, 255];
  context.putImageData(new ImageData(new Uint8ClampedArray([...expected, ...expected]), 2, 1), 0, 0);
  const { data } = context.getImageData(0, 0, 2, 1);
  if (data.some((value, i) => Math.abs(value - expected[i % 4]) > 2)) {
    throw new Error("this browser hides what its canvases hold, so pictures cannot be read: allow it for this page");
  }
  context.fillStyle = "white";
  return context;
}

/** The picture on white, turned and mirrored from one of EXIF's eight orientations. */
function readBack(image: Decoded, width: number, height: number, orientation: number): Picture {
  canvas ??= openCanvas();
  const [origin, stepX, stepY] = placesOf(orientation, width, height);
  const rgb = new Uint8Array(width * height * 3);
  for (let top = 0; top < height; top += tile) {
    const rows = Math.min(tile, height - top);
    for (let left = 0; left < width; left += tile) {
      const columns = Math.min(tile, width - left);
      canvas.fillRect(0, 0, columns, rows);
      canvas.drawImage(image, left, top, columns, rows, 0, 0, columns, rows);
      const { data } = canvas.getImageData(0, 0, columns, rows);
      for (let y = 0, from = 0; y < rows; y++) {
        let to = (origin + left * stepX + (top + y) * stepY) * 3;
        for (let x = 0; x < columns; x++, from += 4, to += 3 * stepX) {
          rgb[to] = data[from];
          rgb[to + 1] = data[from + 1];
          rgb[to + 2] = data[from + 2];
        }
      }
    }
  }
  return orientation >= 5 ? { width: height, height: width, rgb } : { width, height, rgb };
}

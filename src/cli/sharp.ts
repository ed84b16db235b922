/** The picture decoders of libvips. They are native code for each platform and stay outside dist/catgan.mjs. */
import type sharp from "sharp";

/** Null: it is not installed, or not available for this platform. */
let loading: Promise<typeof sharp | null> | null = null;

/** sharp, loaded when the first picture needs it. @returns null where it cannot be loaded */
export async function loadSharp(): Promise<typeof sharp | null> {
  loading ??= import("sharp").then(
    ({ default: loaded }) => {
      // Pictures are decoded side by side, each in one thread; none is decoded twice.
      loaded.concurrency(1);
      loaded.cache(false);
      return loaded;
    },
    () => null,
  );
  return await loading;
}

/** The error for a file that only sharp can decode. */
export const withoutSharp = `cannot be decoded: the library sharp is not installed, or has no version for ${process.platform} ${process.arch}; PNGs can be read without it`;

/** Frames to a video: MP4 with H.264 where the browser can encode that, else WebM. */
import {
  BufferTarget,
  canEncodeVideo,
  Mp4OutputFormat,
  Output,
  Quality,
  type VideoCodec,
  VideoSample,
  VideoSampleSource,
  WebMOutputFormat,
} from "mediabunny";
import type { Image } from "../../data/image.ts";
import { planesOf } from "./yuv.ts";

/** The first that the browser can encode is used; the most widely playable come first. */
const codecs: readonly VideoCodec[] = ["avc", "vp9", "vp8", "av1"];
const colorSpace: VideoColorSpaceInit = { primaries: "bt709", transfer: "bt709", matrix: "bt709", fullRange: false };

/**
 * @param frames at least one, all of one size
 * @param timing milliseconds @throws Error for the user
 */
export async function encodeVideo(
  frames: AsyncIterable<Image>,
  timing: { delay: number; lastDelay: number },
): Promise<Blob> {
  let film: Awaited<ReturnType<typeof begin>> | null = null;
  let held: Image | null = null;
  let at = 0;
  const add = async (image: Image, ms: number) => {
    const { width, height, data } = planesOf(image);
    film ??= await begin(width, height);
    const times = { timestamp: at / 1000, duration: ms / 1000 };
    const sample = new VideoSample(data, {
      format: "I420",
      codedWidth: width,
      codedHeight: height,
      colorSpace,
      ...times,
    });
    try {
      await encoded(film.source.add(sample));
    } finally {
      sample.close();
    }
    at += ms;
  };
  // One is held back, since the last is shown for longer.
  for await (const frame of frames) {
    if (held) await add(held, timing.delay);
    held = frame;
  }
  if (!held) throw new Error("a film needs at least one frame");
  await add(held, timing.lastDelay);
  const { output, target } = film!;
  await encoded(output.finalize());
  return new Blob([target.buffer!], { type: output.format.mimeType });
}

/** Says what to do when the browser's encoder fails. */
async function encoded(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    throw new Error(`This browser failed to encode the video (${(error as Error).message}). Choose GIF instead`);
  }
}

async function begin(width: number, height: number) {
  const quality = new Quality("very-high");
  const codec = await firstCodec(width, height, quality);
  const source = new VideoSampleSource({ codec, quality });
  const target = new BufferTarget();
  const format = codec === "avc" ? new Mp4OutputFormat() : new WebMOutputFormat();
  const output = new Output({ format, target });
  output.addVideoTrack(source);
  await output.start();
  return { output, source, target };
}

async function firstCodec(width: number, height: number, quality: Quality): Promise<VideoCodec> {
  for (const codec of codecs) if (await canEncodeVideo(codec, { width, height, quality })) return codec;
  throw new Error(`This browser cannot encode a video of ${width}×${height} pixels. Choose GIF instead`);
}

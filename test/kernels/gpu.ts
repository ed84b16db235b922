/** The one device of a test file. */
import { openAdapter } from "../../src/cli/adapter.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { Stream } from "../../src/gpu/stream.ts";

let opened: Promise<Gpu> | null = null;

/** A new stream on the test adapter. CATGAN_TEST_ADAPTER chooses another than the software one. */
export async function testStream(): Promise<Stream> {
  opened ??= openDevice();
  return new Stream(await opened);
}

/** A device of its own, for a test that loses it. */
export function openDevice(): Promise<Gpu> {
  return openAdapter(process.env.CATGAN_TEST_ADAPTER ?? "software");
}

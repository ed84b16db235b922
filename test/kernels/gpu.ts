/** Streams on the device of the test process, and devices of their own. */
import { vi } from "vitest";
import { openAdapter } from "../../src/cli/adapter.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { Stream } from "../../src/gpu/stream.ts";

/** CATGAN_TEST_ADAPTER chooses another adapter than the software one. */
const choice = process.env.CATGAN_TEST_ADAPTER ?? "software";
let opened: Promise<Gpu> | null = null;

/** A new stream on the device that all test files of this process share. */
export async function testStream(): Promise<Stream> {
  opened ??= openAdapter(choice);
  return new Stream(await opened);
}

/** A device of its own, for a test that loses it or counts what lives on it. */
export async function openDevice(): Promise<Gpu> {
  const real = await vi.importActual<typeof import("../../src/cli/adapter.ts")>("../../src/cli/adapter.ts");
  return await real.openAdapter(choice);
}

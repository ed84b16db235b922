/**
 * A captured list of dispatches, which can be replayed without building anything again.
 *
 * Invariants: a recording is validated when it is captured, so a replay waits for no error scope and allocates only
 * WebGPU's encoder objects. All its temporaries were released when it was captured, so during a replay it may use every
 * pooled buffer.
 */
import { check, type Dispatch, encode } from "./dispatch.ts";
import type { Gpu } from "./gpu.ts";
import type { Pacing } from "./pacing.ts";

/** A captured list of dispatches with everything they need; `Stream.replay` runs them again. */
export interface Recording {
  readonly label: string;
  readonly dispatches: readonly Dispatch[];
  /** Nominal floating-point operations of one replay. */
  readonly flops: number;
}

/** Encodes a recording once without submitting it. @throws GpuError if WebGPU rejects it, which a replay would not report */
export async function validateRecording({ device }: Gpu, { label, dispatches }: Recording): Promise<void> {
  device.pushErrorScope("validation");
  const encoder = device.createCommandEncoder({ label });
  const pass = encoder.beginComputePass({ label });
  for (const dispatch of dispatches) encode(pass, dispatch);
  pass.end();
  encoder.finish();
  check(await device.popErrorScope(), dispatches);
}

/** Submits a recording, cut like any other work. */
export async function sendRecording(gpu: Gpu, pacing: Pacing, recording: Recording): Promise<void> {
  gpu.checkAlive();
  const { device } = gpu;
  const { dispatches } = recording;
  for (let i = 0; i < dispatches.length; ) {
    // The recording serves as the descriptor: it has a label.
    const encoder = device.createCommandEncoder(recording);
    const pass = encoder.beginComputePass(recording);
    let cost = 0;
    do {
      cost += dispatches[i].cost;
      encode(pass, dispatches[i++]);
    } while (i < dispatches.length && pacing.fits(cost + dispatches[i].cost));
    pass.end();
    pacing.submit(encoder.finish(), cost);
    if (pacing.isFull) await pacing.pace();
  }
  pacing.dispatches += dispatches.length;
}

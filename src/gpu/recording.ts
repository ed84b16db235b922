/**
 * A captured list of dispatches, which runs again without building anything anew.
 *
 * Invariants: a recording was found valid when it was captured, so a replay waits for no error scope and allocates
 * nothing but WebGPU's encoder objects. Its temporaries were all given back when it was captured, so during a replay
 * every pooled buffer is the recording's.
 */
import { check, type Dispatch, encode } from "./dispatch.ts";
import type { Gpu } from "./gpu.ts";
import type { Pacing } from "./pacing.ts";

/** A captured list of dispatches with everything they need; `Stream.replay` runs it again. */
export interface Recording {
  readonly label: string;
  readonly dispatches: readonly Dispatch[];
  /** Nominal floating-point operations of one replay. */
  readonly flops: number;
}

/** Encodes a recording once without submitting it. @throws GpuError for what WebGPU rejects: no replay would show it */
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

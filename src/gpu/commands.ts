/**
 * The stream's commands, encoded into as few submits as the pacing allows.
 *
 * Invariants: commands take effect in order, whatever their kind. An error is thrown only after everything before it was
 * submitted, and leaves the stream usable.
 */
import { type BindOutcome, check, type Dispatch, encode, ready } from "./dispatch.ts";
import type { Gpu } from "./gpu.ts";
import type { Pacing } from "./pacing.ts";
import { paddedBytes, type Tensor } from "./tensor.ts";

/** Numbers uploaded into a tensor. */
export interface Write {
  readonly target: Tensor;
  readonly data: ArrayBufferView<ArrayBuffer>;
}

/** A tensor copied into a buffer that can be mapped. */
export interface Copy {
  readonly source: Tensor;
  readonly staging: GPUBuffer;
}

export type Command = Dispatch | Write | Copy;

const isDispatch = (command: Command): command is Dispatch => "program" in command;
const isWrite = (command: Command): command is Write => "data" in command;

/** Submits commands and waits until there is room for more. @throws GpuError */
export async function sendCommands(
  gpu: Gpu,
  pacing: Pacing,
  commands: readonly Command[],
  outcomes: readonly BindOutcome[],
): Promise<void> {
  const { device } = gpu;
  // Uploads alone, such as a step's own values, need no pacing and no error scope.
  if (commands.every(isWrite)) {
    for (const command of commands) write(device, command);
    return;
  }
  const dispatches = commands.filter(isDispatch);
  await ready(gpu, dispatches, outcomes);
  device.pushErrorScope("validation");
  let error: Promise<GPUError | null>;
  try {
    await encodeCommands(device, pacing, commands);
  } finally {
    error = device.popErrorScope();
  }
  check(await error, dispatches);
  await pacing.pace();
}

async function encodeCommands(device: GPUDevice, pacing: Pacing, commands: readonly Command[]): Promise<void> {
  let encoder: GPUCommandEncoder | null = null;
  let pass: GPUComputePassEncoder | null = null;
  let cost = 0;
  const submit = () => {
    pass?.end();
    if (encoder) pacing.submit(encoder.finish(), cost);
    encoder = pass = null;
    cost = 0;
  };
  for (const command of commands) {
    if (isDispatch(command)) {
      if (cost > 0 && !pacing.fits(cost + command.cost)) {
        submit();
        await pacing.pace();
      }
      encoder ??= device.createCommandEncoder({ label: "stream" });
      pass ??= encoder.beginComputePass({ label: "stream" });
      encode(pass, command);
      pacing.dispatches++;
      cost += command.cost;
    } else if (isWrite(command)) {
      // The queue writes immediately, so everything encoded so far must be submitted first.
      submit();
      write(device, command);
    } else {
      encoder ??= device.createCommandEncoder({ label: "stream" });
      (pass as GPUComputePassEncoder | null)?.end();
      pass = null;
      const { source, staging } = command;
      encoder.copyBufferToBuffer(source.buffer, source.offset, staging, 0, paddedBytes(source.size));
    }
  }
  submit();
}

function write(device: GPUDevice, { target, data }: Write): void {
  device.queue.writeBuffer(target.buffer, target.offset, data.buffer, data.byteOffset, data.byteLength);
}

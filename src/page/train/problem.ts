/** What an error during training means, for the user and for the recovery policy. */
import type { Gpu } from "../../gpu/gpu.ts";
import { DivergedError } from "../../train/diverged.ts";
import type { Failure, Problem } from "../../train/recovery.ts";
import type { Trouble } from "../protocol.ts";
import { reasonOf } from "../reason.ts";
import { NoGpuError } from "./device.ts";

export interface TrainingProblem extends Problem {
  readonly kind: Failure | "no GPU" | "other";
  readonly message: Trouble["message"];
}

/** Milliseconds within which the news of a device's loss follows the call that failed because of it. */
const newsOfLoss = 500;

/** @param gpu the one that training used; null when there was none yet */
export async function explainError(error: unknown, gpu: Gpu | null): Promise<TrainingProblem> {
  const message = reasonOf(error);
  const failed = (failure: Failure, message: string) => ({ kind: failure, failure, message });
  // After the semicolon comes advice for the command line.
  if (error instanceof DivergedError) return failed("diverged", message.split(";")[0]);
  if (error instanceof NoGpuError) return { kind: "no GPU", failure: null, message };
  if (/out of (GPU )?memory/i.test(message)) return failed("out of memory", message);
  const later = new Promise<null>((resolve) => setTimeout(resolve, newsOfLoss, null));
  const lost = gpu && (await Promise.race([gpu.lost, later]));
  if (lost) return failed("device lost", lost.message || "the browser gave no reason");
  console.error(error);
  return { kind: "other", failure: null, message };
}

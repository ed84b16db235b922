/**
 * How long kernels take: batches of dispatches between two completions of the queue, since a single dispatch is too short
 * for a clock and timestamp queries are rounded to a tenth of a millisecond.
 */
import type { Recording } from "../src/gpu/recording.ts";
import type { Stream } from "../src/gpu/stream.ts";

/** Something to be timed. */
export interface Contestant {
  readonly label: string;
  /** Appends one run. */
  append(): void;
  /** Number of batches: fewer for baselines. */
  readonly rounds: number;
}

/** A batch runs at least this long, in milliseconds, the wait for its completion included. */
const shortestBatch = 50;
/** The maximum number of runs in one recording, and its target duration in milliseconds. */
const longestRecording = 100;
const recordingMs = 10;

/**
 * Milliseconds per run, batch by batch. All contestants are warmed up first; then they take turns, a batch each, so that
 * other load on the machine affects all of them.
 * @returns one number per round for every contestant
 */
export async function timeInTurns(stream: Stream, contestants: readonly Contestant[]): Promise<number[][]> {
  const batches = [];
  for (const contestant of contestants) batches.push(await prepareBatch(stream, contestant));
  const samples: number[][] = contestants.map(() => []);
  const rounds = Math.max(...contestants.map((contestant) => contestant.rounds));
  for (let round = 0; round < rounds; round++) {
    for (const [i, contestant] of contestants.entries()) {
      if (round < contestant.rounds) samples[i].push(await batches[i]());
    }
  }
  return samples;
}

/**
 * Compiles and warms up, finds how many runs make a batch, and returns a function that times one, in milliseconds per
 * run.
 */
async function prepareBatch(stream: Stream, { label, append }: Contestant): Promise<() => Promise<number>> {
  const record = (runs: number) =>
    stream.capture(label, () => {
      for (let run = 0; run < runs; run++) append();
    });
  let runs = 1;
  let recording = await record(runs);
  let once = await timeReplays(stream, recording, 1);
  if (once < shortestBatch) once = await timeReplays(stream, recording, 1);
  if (once < recordingMs / 2) {
    runs = Math.min(longestRecording, Math.ceil(recordingMs / once));
    recording = await record(runs);
    once = await timeReplays(stream, recording, 1);
  }
  // One replay alone includes a completion's latency, so the first guess may be short.
  let replays = 1;
  let total = once;
  while (total < shortestBatch) {
    replays = Math.max(replays + 1, Math.min(Math.ceil((1.1 * shortestBatch * replays) / total), 16 * replays));
    total = await timeReplays(stream, recording, replays);
  }
  return async () => (await timeReplays(stream, recording, replays)) / (replays * runs);
}

async function timeReplays(stream: Stream, recording: Recording, replays: number): Promise<number> {
  const start = performance.now();
  for (let replay = 0; replay < replays; replay++) await stream.replay(recording);
  await stream.idle();
  return performance.now() - start;
}

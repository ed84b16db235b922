/** Draws from a checkpoint: on a GPU device of its own, so that training on another is not disturbed. */
import { GpuError } from "../../gpu/gpu.ts";
import type { Stream } from "../../gpu/stream.ts";
import type { Arena } from "../../nn/parameters.ts";
import type { RunState } from "../../train/checkpoint.ts";
import { checkDrawable, generatorFrom, type LoadedGenerator } from "../../train/generator_file.ts";
import { decodeSafetensors } from "../../train/safetensors.ts";
import { measureMoments, Sampler } from "../../train/sampler.ts";
import { latentsOf, type Place } from "../../train/walk.ts";
import { type Device, newStream } from "../train/device.ts";
import { atOnce, type Model } from "./protocol.ts";

/** No file that this program writes is nearly this large. */
const maxBytes = 2 ** 31;

/** What is open for drawing on the device. */
interface Workspace {
  stream: Stream;
  generator: LoadedGenerator;
  /** Batch-norm's statistics: those of the run, or measured. */
  running: Arena;
  /** By the number of pictures drawn at once. */
  samplers: Map<number, Sampler>;
}

export class Studio {
  private state: RunState | null = null;
  private device: Device | null = null;
  private workspace: Workspace | null = null;

  constructor(private readonly openDevice: () => Promise<Device>) {}

  /**
   * Draws from this checkpoint from now on.
   * @param name shown in errors
   * @throws Error for the user when the file is not a usable checkpoint: the previous one stays open; GpuError
   */
  async open(file: Blob, name: string): Promise<Model> {
    this.state = await readCheckpoint(file, name);
    this.clear();
    const { stream, generator } = await this.withDevice((workspace) => Promise.resolve(workspace));
    const { architecture, step, seed, credit } = generator;
    return { size: architecture.size, step, seed, credit, adapter: stream.gpu.name };
  }

  /** @param places at most `atOnce` @returns [places, size, size, 3], u8 @throws GpuError */
  async draw(places: readonly Place[]): Promise<Uint8Array<ArrayBuffer>> {
    return await this.withDevice(async ({ stream, generator, running, samplers }) => {
      const { network, parameters, seed } = generator;
      const { z, size } = network.architecture;
      const n = places.length === 1 ? 1 : atOnce;
      let sampler = samplers.get(n);
      if (!sampler) {
        sampler = new Sampler(stream, network, { parameters, running, n, seed });
        samplers.set(n, sampler);
      }
      const latents = new Float32Array(n * z);
      latents.set(latentsOf(places, z));
      const { pixels } = await sampler.drawLatents(latents);
      return pixels.slice(0, places.length * size * size * 3);
    });
  }

  /** Runs work with the device; if that is lost or fails, once more with a new one. */
  private async withDevice<T>(work: (workspace: Workspace) => Promise<T>): Promise<T> {
    try {
      return await work((this.workspace ??= await this.setUp()));
    } catch (error) {
      if (!(error instanceof GpuError) || this.device === null) throw error;
      this.device.gpu.destroy();
      this.device = this.workspace = null;
      return await work((this.workspace = await this.setUp()));
    }
  }

  private async setUp(): Promise<Workspace> {
    if (this.state === null) throw new Error("no checkpoint is open");
    this.device ??= await this.openDevice();
    const stream = newStream(this.device);
    const generator = generatorFrom(stream, this.state);
    const { network, parameters, seed } = generator;
    const running = generator.running ?? (await measureMoments(stream, network, parameters, seed));
    return { stream, generator, running, samplers: new Map() };
  }

  /** Frees the generator; the device keeps its compiled kernels. */
  private clear(): void {
    if (this.workspace === null) return;
    const { stream, generator, running, samplers } = this.workspace;
    for (const sampler of samplers.values()) sampler.destroy();
    running.destroy(stream);
    generator.parameters.destroy(stream);
    stream.dispose();
    this.workspace = null;
  }
}

async function readCheckpoint(file: Blob, name: string): Promise<RunState> {
  try {
    if (file.size > maxBytes) throw new Error("it is larger than any checkpoint");
    const state = decodeSafetensors(new Uint8Array(await file.arrayBuffer()));
    checkDrawable(state);
    return state;
  } catch (error) {
    throw new Error(`“${name}” is not a checkpoint to draw from: ${(error as Error).message}`);
  }
}

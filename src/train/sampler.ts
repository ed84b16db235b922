/** Draws pictures from a generator: the same latents every time, so that progress is visible. */
import type { Pictures } from "../data/pictures.ts";
import type { Recording } from "../gpu/recording.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { batchNormRunning } from "../kernels/batch_norm.ts";
import { noiseUniform } from "../kernels/noise.ts";
import { packPictures } from "../kernels/pictures.ts";
import { zeros } from "../kernels/zeros.ts";
import type { Network, Normalisation } from "../nn/dcgan.ts";
import { Arena } from "../nn/parameters.ts";
import { Tape } from "../nn/tape.ts";
import { purposes } from "../random/noise_key.ts";

export interface SamplerOptions {
  /** Parameters to draw with: the trained ones or their average. */
  readonly parameters: Arena;
  /**
   * Running batch-norm statistics; null measures them on 64 latents with these parameters, as an averaged
   * generator needs, whose activations no training step ever saw.
   */
  readonly running: Arena | null;
  /** Pictures drawn at once. */
  readonly n: number;
  /** Which latents. */
  readonly seed: number;
}

/** `Pictures` on the GPU. */
export interface GpuPictures extends Omit<Pictures, "pixels"> {
  /** [words]: [count, size, size, 3] u8, four bytes a word. */
  readonly pixels: Tensor;
}

/** Latents on which statistics are measured. */
const momentsBatch = 64;

export class Sampler {
  private readonly z: Tensor;
  /** Which part of the seed's pictures `z` holds; null: latents given by the caller. */
  private part: number | null = 0;
  private readonly momentsLatents: Tensor | null = null;
  private readonly drawn: GpuPictures;
  private recording: Recording | null = null;

  constructor(
    private readonly stream: Stream,
    private readonly network: Network,
    private readonly options: SamplerOptions,
  ) {
    const { n, seed, running } = options;
    const { size, z } = network.architecture;
    const pixels = stream.persistent("drawn pictures", [Math.ceil((n * size * size * 3) / 4)]);
    this.drawn = { size, count: n, pixels };
    this.z = stream.persistent("preview latents", [n, z]);
    noiseUniform(stream, zeros(stream, 4), this.z, { seed, purpose: purposes.preview, at: 0 }, -1, 1);
    if (!running) this.momentsLatents = latentsForMoments(stream, z, seed);
  }

  /** Captures the drawing and waits until its shaders are compiled. */
  async prepare(): Promise<void> {
    this.recording ??= await this.stream.capture("sample", () => this.build());
  }

  /**
   * Draws with the parameters as they are now. The pictures stay on the GPU until the next ones are drawn.
   * @param part which n of the seed's pictures: 0 the first n, 1 the next
   */
  async render(part = 0): Promise<GpuPictures> {
    if (part !== this.part) {
      this.part = part;
      const key = { seed: this.options.seed, purpose: purposes.preview, at: part };
      noiseUniform(this.stream, zeros(this.stream, 4), this.z, key, -1, 1);
    }
    return await this.replay();
  }

  /** `render`, read back. */
  async draw(part = 0): Promise<Pictures> {
    return await readPictures(this.stream, await this.render(part));
  }

  /** The first `count` pictures of the seed, n at a time. */
  async drawFirst(count: number, onProgress?: (done: number, total: number) => void): Promise<Pictures> {
    const { n } = this.options;
    const { size } = this.network.architecture;
    const bytes = size * size * 3;
    const pixels = new Uint8Array(count * bytes);
    for (let first = 0; first < count; first += n) {
      onProgress?.(first, count);
      const part = await this.draw(first / n);
      pixels.set(part.pixels.subarray(0, Math.min(n, count - first) * bytes), first * bytes);
    }
    return { size, count, pixels };
  }

  /** The pictures of these latents, read back. @param latents [n, z], not to be changed meanwhile */
  async drawLatents(latents: Float32Array<ArrayBuffer>): Promise<Pictures> {
    if (latents.length !== this.z.size) {
      throw new Error(`drawLatents: ${this.z} needs ${this.z.size} numbers, got ${latents.length}`);
    }
    this.part = null;
    this.stream.write(this.z, latents);
    return await readPictures(this.stream, await this.replay());
  }

  private async replay(): Promise<GpuPictures> {
    await this.prepare();
    await this.stream.replay(this.recording!);
    return this.drawn;
  }

  private build(): void {
    const { parameters, running } = this.options;
    const tape = new Tape(this.stream);
    tape.noGrad(() => {
      let normalisation: Normalisation;
      if (running) normalisation = { by: "running", running };
      else {
        const moments = new Map<string, Tensor>();
        const measure: Normalisation = { by: "batch", moments: (layer, measured) => moments.set(layer, measured) };
        tape.release(this.network.forward(tape, this.momentsLatents!, parameters, measure));
        normalisation = { by: "moments", moments };
      }
      packPictures(this.stream, this.network.forward(tape, this.z, parameters, normalisation), this.drawn.pixels);
    });
    tape.reset();
  }

  destroy(): void {
    for (const tensor of [this.z, this.drawn.pixels, this.momentsLatents]) if (tensor) this.stream.destroy(tensor);
  }
}

/** Copies pictures from the GPU to memory. */
export async function readPictures(stream: Stream, { size, count, pixels }: GpuPictures): Promise<Pictures> {
  const bytes = await stream.readBytes(pixels);
  return { size, count, pixels: new Uint8Array(bytes, 0, count * size * size * 3) };
}

/**
 * Pictures drawn at once. Always the same number, so that a seed's first pictures do not depend on how many are asked
 * for.
 */
export const partSize = 64;

/**
 * The first `count` pictures of a seed.
 * @param generator as `generatorFrom` gives it
 */
export async function drawPictures(
  stream: Stream,
  { network, parameters, running }: { network: Network; parameters: Arena; running: Arena | null },
  { count, seed }: { count: number; seed: number },
  onProgress?: (done: number, total: number) => void,
): Promise<Pictures> {
  const sampler = new Sampler(stream, network, { parameters, running, n: partSize, seed });
  const pictures = await sampler.drawFirst(count, onProgress);
  sampler.destroy();
  return pictures;
}

/**
 * An averaged generator's batch-norm statistics, measured once on the latents that a Sampler of this seed measures them
 * on. For parameters that no longer change, so that drawing again does not measure again.
 * @returns what `SamplerOptions.running` takes; the caller must destroy it
 */
export async function measureMoments(
  stream: Stream,
  network: Network,
  parameters: Arena,
  seed: number,
): Promise<Arena> {
  const running = new Arena(stream, "measured statistics", network.running);
  const latents = latentsForMoments(stream, network.architecture.z, seed);
  const tape = new Tape(stream);
  tape.noGrad(() => {
    // Decay 0: nothing remains of the zeros that the averages start from.
    const moments = (layer: string, measured: Tensor) =>
      batchNormRunning(stream, measured, running.get(`${layer}.running`), 0);
    tape.release(network.forward(tape, latents, parameters, { by: "batch", moments }));
  });
  tape.reset();
  await stream.idle();
  stream.destroy(latents);
  return running;
}

function latentsForMoments(stream: Stream, z: number, seed: number): Tensor {
  const latents = stream.persistent("moments latents", [momentsBatch, z]);
  noiseUniform(stream, zeros(stream, 4), latents, { seed, purpose: purposes.moments, at: 0 }, -1, 1);
  return latents;
}

/** Draws pictures from a generator: the same latents every time, so that progress is visible. */
import { cutGrid } from "../data/grid.ts";
import type { Image } from "../data/image.ts";
import type { Pictures } from "../data/pictures.ts";
import type { Recording } from "../gpu/recording.ts";
import type { Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { batchNormRunning } from "../kernels/batch_norm.ts";
import { gridExtent } from "../kernels/grid_extent.ts";
import { noiseUniform } from "../kernels/noise.ts";
import { sampleGrid } from "../kernels/pictures.ts";
import { zeros } from "../kernels/zeros.ts";
import type { Network, Normalisation } from "../nn/dcgan.ts";
import { Arena } from "../nn/parameters.ts";
import { Tape } from "../nn/tape.ts";
import { purposes } from "../random/noise_key.ts";

export interface SamplerOptions {
  /** Parameters to draw with: the trained ones or their average. */
  readonly parameters: Arena;
  /**
   * Running batch-norm statistics; null measures them on 64 latents under these very parameters, as an averaged
   * generator needs, whose activations no training step ever saw.
   */
  readonly running: Arena | null;
  readonly n: number;
  readonly columns: number;
  /** Which latents. */
  readonly seed: number;
}

/** Latents on which statistics are measured. */
const calibrationBatch = 64;

export class Sampler {
  private readonly z: Tensor;
  /** Which part of the seed's pictures `z` holds; null = latents that were given. */
  private part: number | null = 0;
  private readonly calibration: Tensor | null = null;
  private readonly rgba: Tensor;
  private readonly extent: { width: number; height: number };
  private recording: Recording | null = null;

  constructor(
    private readonly stream: Stream,
    private readonly network: Network,
    private readonly options: SamplerOptions,
  ) {
    const { n, columns, seed, running } = options;
    const { size, z } = network.architecture;
    this.extent = gridExtent(n, size, columns);
    this.rgba = stream.persistent("sample grid", [this.extent.height, this.extent.width]);
    this.z = stream.persistent("preview latents", [n, z]);
    noiseUniform(stream, zeros(stream, 4), this.z, { seed, purpose: purposes.preview, at: 0 }, -1, 1);
    if (!running) this.calibration = calibrationLatents(stream, z, seed);
  }

  /** Captures the drawing and waits until its shaders are compiled. */
  async prepare(): Promise<void> {
    this.recording ??= await this.stream.capture("sample", () => this.build());
  }

  /**
   * The grid under the parameters as they are now, left on the GPU until it is drawn again.
   * @param part which n of the seed's pictures: 0 the first n, 1 the next
   * @returns [height, width] words, red in the lowest byte
   */
  async render(part = 0): Promise<Tensor> {
    if (part !== this.part) {
      this.part = part;
      const key = { seed: this.options.seed, purpose: purposes.preview, at: part };
      noiseUniform(this.stream, zeros(this.stream, 4), this.z, key, -1, 1);
    }
    return await this.replay();
  }

  /** The same, read back. */
  async draw(part = 0): Promise<Image> {
    return await this.read(await this.render(part));
  }

  /** The first `count` pictures of the seed, n at a time. For a sampler of one column. */
  async drawFirst(count: number, onProgress?: (done: number, total: number) => void): Promise<Pictures> {
    const { n, columns } = this.options;
    if (columns !== 1) throw new Error(`drawFirst: the sampler has ${columns} columns, expected 1`);
    const { size } = this.network.architecture;
    const pixels = new Uint8Array(count * size * size * 3);
    for (let first = 0; first < count; first += n) {
      onProgress?.(first, count);
      const part = cutGrid(await this.draw(first / n), size, Math.min(n, count - first));
      pixels.set(part, first * size * size * 3);
    }
    return { size, count, pixels };
  }

  /** The grid of these latents, read back. @param latents [n, z], not to be changed meanwhile */
  async drawLatents(latents: Float32Array<ArrayBuffer>): Promise<Image> {
    if (latents.length !== this.z.size) {
      throw new Error(`drawLatents: ${this.z} needs ${this.z.size} numbers, came ${latents.length}`);
    }
    this.part = null;
    this.stream.write(this.z, latents);
    return await this.read(await this.replay());
  }

  private async replay(): Promise<Tensor> {
    await this.prepare();
    await this.stream.replay(this.recording!);
    return this.rgba;
  }

  private async read(grid: Tensor): Promise<Image> {
    const bytes = await this.stream.readBytes(grid);
    return { ...this.extent, rgba: new Uint8Array(bytes, 0, grid.bytes) };
  }

  private build(): void {
    const { parameters, running, columns } = this.options;
    const tape = new Tape(this.stream);
    tape.noGrad(() => {
      let normalisation: Normalisation;
      if (running) normalisation = { by: "running", running };
      else {
        const moments = new Map<string, Tensor>();
        const measure: Normalisation = { by: "batch", moments: (layer, measured) => moments.set(layer, measured) };
        tape.release(this.network.forward(tape, this.calibration!, parameters, measure));
        normalisation = { by: "moments", moments };
      }
      sampleGrid(this.stream, this.network.forward(tape, this.z, parameters, normalisation), columns, this.rgba);
    });
    tape.reset();
  }

  destroy(): void {
    for (const tensor of [this.z, this.rgba, this.calibration]) if (tensor) this.stream.destroy(tensor);
  }
}

/** Pictures drawn at once. Always as many, so that a seed's first pictures do not depend on how many are asked for. */
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
  const sampler = new Sampler(stream, network, { parameters, running, n: partSize, columns: 1, seed });
  const pictures = await sampler.drawFirst(count, onProgress);
  sampler.destroy();
  return pictures;
}

/**
 * An averaged generator's batch-norm statistics, measured once on the latents that a Sampler of this seed measures them
 * on: for parameters that do not change any more, from which many pictures or few at a time are drawn.
 * @returns what `SamplerOptions.running` takes; the caller's to destroy
 */
export async function measureStatistics(
  stream: Stream,
  network: Network,
  parameters: Arena,
  seed: number,
): Promise<Arena> {
  const running = new Arena(stream, "measured statistics", network.running);
  const latents = calibrationLatents(stream, network.architecture.z, seed);
  const tape = new Tape(stream);
  tape.noGrad(() => {
    // Nothing of the zeros that the averages start from remains.
    const moments = (layer: string, measured: Tensor) =>
      batchNormRunning(stream, measured, running.get(`${layer}.running`), 0);
    tape.release(network.forward(tape, latents, parameters, { by: "batch", moments }));
  });
  tape.reset();
  await stream.idle();
  stream.destroy(latents);
  return running;
}

function calibrationLatents(stream: Stream, z: number, seed: number): Tensor {
  const latents = stream.persistent("calibration latents", [calibrationBatch, z]);
  noiseUniform(stream, zeros(stream, 4), latents, { seed, purpose: purposes.calibration, at: 0 }, -1, 1);
  return latents;
}

/** Draws pictures from a generator: the same latents every time, so that progress is visible. */
import type { Recording, Stream } from "../gpu/stream.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { noiseStreams, noiseUniform } from "../kernels/noise.ts";
import { gridExtent, sampleGrid } from "../kernels/pictures.ts";
import { zeros } from "../kernels/zeros.ts";
import type { Network, Normalisation } from "../nn/dcgan.ts";
import type { Arena } from "../nn/parameters.ts";
import { Tape } from "../nn/tape.ts";

/** An image for people: RGBA, 8 bits each. */
export interface Image {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8Array;
}

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
  /** Which part of the seed's pictures `z` holds. */
  private part = 0;
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
    const zero = zeros(stream, 4);
    this.z = stream.persistent("preview latents", [n, z]);
    noiseUniform(stream, zero, this.z, { seed, stream: noiseStreams.preview, at: 0 }, -1, 1);
    if (running) return;
    this.calibration = stream.persistent("calibration latents", [calibrationBatch, z]);
    noiseUniform(stream, zero, this.calibration, { seed, stream: noiseStreams.calibration, at: 0 }, -1, 1);
  }

  /** Captures the drawing and waits until its shaders are compiled. */
  async prepare(): Promise<void> {
    this.recording ??= await this.stream.capture("sample", () => this.build());
  }

  /**
   * The grid under the parameters as they are now.
   * @param part which n of the seed's pictures: 0 the first n, 1 the next
   */
  async draw(part = 0): Promise<Image> {
    if (part !== this.part) {
      this.part = part;
      const key = { seed: this.options.seed, stream: noiseStreams.preview, at: part };
      noiseUniform(this.stream, zeros(this.stream, 4), this.z, key, -1, 1);
    }
    await this.prepare();
    await this.stream.replay(this.recording!);
    const bytes = await this.stream.readBytes(this.rgba);
    return { ...this.extent, rgba: new Uint8Array(bytes, 0, this.rgba.bytes) };
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

/** One GPU device, with its limits and what lives on it: buffers and programs. */
import type { Program } from "./program.ts";
import type { Tensor } from "./tensor.ts";

/** Counts of what lives on the device, for leak tests and for messages to the user. */
export interface GpuCounts {
  /** Bytes of all live buffers. */
  bytes: number;
  /** Live buffers. */
  buffers: number;
  /** Bind groups made so far. */
  bindGroups: number;
  /** Pipelines made so far. */
  pipelines: number;
}

/** The GPU cannot do what was requested. The message names the object or kernel and says what to do. */
export class GpuError extends Error {}

/** Something is larger than the GPU's limits allow. */
export class LimitError extends GpuError {
  constructor(
    /** What is too large: the message without its advice. */
    readonly obstacle: string,
  ) {
    super(`${obstacle}: try a smaller --batch, --base or --size`);
  }
}

const mebibyte = 2 ** 20;
/** After a call fails, the time in milliseconds to wait for the report that the device was lost. */
const lossReportedWithin = 200;
/** A workgroup with more shared memory would leave no room for a second one on the same GPU core. */
const maxWorkgroupBytes = 32_768;

export class Gpu {
  readonly counts: GpuCounts = { bytes: 0, buffers: 0, bindGroups: 0, pipelines: 0 };
  /** All programs so far, by source: `program` of program.ts looks them up and adds them. */
  readonly programs = new Map<string, Program>();
  /** The longest tensor of zeros so far: see `zeros` in src/kernels/zeros.ts. */
  zeros: Tensor | null = null;
  /** Limits that kernels respect. Tests lower them to reach code paths that otherwise need large problems. */
  readonly limits: {
    bufferBytes: number;
    bindingBytes: number;
    workgroupsPerDimension: number;
    /** Limits of one workgroup: its threads, and the memory that they share. */
    workgroupThreads: number;
    workgroupBytes: number;
    offsetAlignment: number;
  };
  /** Resolves when the device is lost; after that it computes nothing. */
  readonly lost: Promise<GPUDeviceLostInfo>;
  private lossReason: string | null = null;
  private readonly allocations: Promise<GPUError | null>[] = [];

  private constructor(
    readonly device: GPUDevice,
    /** For display: "SwiftShader driver 5.0.0 (google)". */
    readonly name: string,
    /** Whether the adapter is a CPU: there large tiles per thread are fast and shared memory is slow. */
    readonly software: boolean,
  ) {
    const { limits } = device;
    this.limits = {
      bufferBytes: limits.maxBufferSize,
      bindingBytes: limits.maxStorageBufferBindingSize,
      workgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
      workgroupThreads: Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX),
      workgroupBytes: limits.maxComputeWorkgroupStorageSize,
      offsetAlignment: Math.max(256, limits.minStorageBufferOffsetAlignment, limits.minUniformBufferOffsetAlignment),
    };
    this.lost = device.lost.then((info) => {
      this.lossReason = info.message || info.reason || "unknown reason";
      return info;
    });
  }

  /**
   * Opens the adapter's device with the largest buffers it supports, and shared memory for the largest tiles.
   * @throws GpuError when the adapter's limits are below what every kernel needs
   */
  static async open(adapter: GPUAdapter): Promise<Gpu> {
    const { limits, info } = adapter;
    const need = { maxComputeInvocationsPerWorkgroup: 128, maxStorageBuffersPerShaderStage: 8 } as const;
    for (const [limit, least] of Object.entries(need)) {
      const has = limits[limit as keyof typeof need];
      if (!(has >= least)) {
        throw new GpuError(`adapter ${describeAdapter(info)}: ${limit} is ${has}, the kernels need ${least}`);
      }
    }
    const device = await adapter.requestDevice({
      label: "catgan",
      requiredLimits: {
        maxBufferSize: limits.maxBufferSize,
        maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
        maxComputeWorkgroupStorageSize: Math.min(limits.maxComputeWorkgroupStorageSize, maxWorkgroupBytes),
      },
    });
    const name = describeAdapter(info);
    return new Gpu(device, name, isSoftware(info));
  }

  /** @throws GpuError when the device was lost */
  checkAlive(): void {
    if (this.lossReason !== null) {
      throw new GpuError(`the GPU device was lost (${this.lossReason}): open it again and continue from a checkpoint`);
    }
  }

  /**
   * Rethrows the error of a failed device call, as the loss of the device if that is the cause. Many calls fail on a lost
   * device, each with its own message, and some of them before `lost` resolves.
   * @param what turns any other error into a GpuError with this prefix; without it the error is thrown unchanged
   */
  async fail(error: unknown, what?: string): Promise<never> {
    if (error instanceof GpuError) what = undefined;
    else await Promise.race([this.lost, new Promise((resolve) => setTimeout(resolve, lossReportedWithin))]);
    this.checkAlive();
    throw what ? new GpuError(`${what}: ${(error as Error).message}`) : error;
  }

  /** Creates a buffer, counted until `destroyBuffer`. Running out of memory surfaces at the next `settle`. */
  createBuffer(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    this.checkAlive();
    if (bytes > this.limits.bufferBytes) {
      const [needed, allowed] = [inMebibytes(bytes), inMebibytes(this.limits.bufferBytes)];
      throw new LimitError(`${label}: needs a buffer of ${needed}, this GPU allows ${allowed}`);
    }
    const watched = bytes >= mebibyte;
    if (watched) this.device.pushErrorScope("out-of-memory");
    const buffer = this.device.createBuffer({ label, size: Math.max(16, bytes), usage });
    if (watched) {
      this.allocations.push(handled(this.device.popErrorScope()));
    }
    this.counts.bytes += buffer.size;
    this.counts.buffers++;
    return buffer;
  }

  destroyBuffer(buffer: GPUBuffer): void {
    this.counts.bytes -= buffer.size;
    this.counts.buffers--;
    buffer.destroy();
  }

  /** Waits until every allocation is known to have succeeded. @throws GpuError when the GPU ran out of memory */
  async settle(): Promise<void> {
    this.checkAlive();
    if (this.allocations.length === 0) return;
    const errors = await Promise.all(this.allocations.splice(0));
    if (errors.some((error) => error !== null)) {
      throw new GpuError(
        `out of GPU memory with ${inMebibytes(this.counts.bytes)} requested: try a smaller --batch, --base or --size`,
      );
    }
  }

  destroy(): void {
    this.device.destroy();
  }
}

/** Marks a promise as handled: its error is for a later await, and must not count as an unhandled rejection until then. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

export function inMebibytes(bytes: number): string {
  const mib = bytes / mebibyte;
  return `${mib < 10 ? mib.toFixed(1) : Math.round(mib)} MiB`;
}

/** The adapter's name for display. Some implementations leave most fields empty, so it is built from those present. */
export function describeAdapter(info: GPUAdapterInfo): string {
  const name = info.description || info.device || info.architecture || "unnamed adapter";
  return info.vendor && !name.toLowerCase().includes(info.vendor.toLowerCase()) ? `${name} (${info.vendor})` : name;
}

/** Whether the adapter runs on the CPU. */
export function isSoftware(info: GPUAdapterInfo): boolean {
  return (
    info.isFallbackAdapter === true ||
    /swiftshader|llvmpipe|lavapipe|software|basic render/i.test(describeAdapter(info))
  );
}

/** The fakes' grid on a canvas. */
import type { Stream } from "../../gpu/stream.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import code from "./show_grid.wgsl?raw";

/** Puts a grid in a GPU buffer onto a texture, without reading it back. */
export class GridPainter {
  private readonly pipeline: GPURenderPipeline;
  private readonly extent: GPUBuffer;

  constructor(
    private readonly device: GPUDevice,
    format: GPUTextureFormat,
  ) {
    const module = device.createShaderModule({ label: "show_grid", code });
    this.pipeline = device.createRenderPipeline({
      label: "show_grid",
      layout: "auto",
      vertex: { module },
      fragment: { module, targets: [{ format }] },
    });
    // UNIFORM | COPY_DST
    this.extent = device.createBuffer({ label: "grid extent", size: 16, usage: 0x40 | 0x8 });
  }

  /** @param grid [height, width] words, red in the lowest byte @param target a texture of that size */
  paint(grid: Tensor, target: GPUTexture): void {
    const { device, pipeline, extent } = this;
    const [height, width] = grid.shape;
    device.queue.writeBuffer(extent, 0, Uint32Array.of(width, height, 0, 0));
    const bindGroup = device.createBindGroup({
      label: "show_grid",
      layout: pipeline.getBindGroupLayout(0),
      entries: [
        { binding: 0, resource: { buffer: extent } },
        { binding: 1, resource: { buffer: grid.buffer, offset: grid.offset, size: grid.bytes } },
      ],
    });
    const encoder = device.createCommandEncoder({ label: "show_grid" });
    const pass = encoder.beginRenderPass({
      label: "show_grid",
      colorAttachments: [{ view: target.createView(), loadOp: "clear", storeOp: "store" }],
    });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.draw(3);
    pass.end();
    device.queue.submit([encoder.finish()]);
  }
}

/**
 * The page's canvas. Where drawing on it directly fails, or may have been what lost the device, grids are read back and
 * put onto a fresh canvas: one that had a context of one kind can get none of another.
 */
export class GridView {
  private stream: Stream | null = null;
  private painter: GridPainter | null = null;
  private context: GPUCanvasContext | null = null;
  private canvas2d: OffscreenCanvasRenderingContext2D | null = null;
  private reading = false;

  /** @param freshCanvas replaces the canvas on the page */
  constructor(
    private canvas: OffscreenCanvas,
    private readonly freshCanvas: () => Promise<OffscreenCanvas>,
  ) {}

  /** Draws with this stream's device from now on. */
  use(stream: Stream): void {
    this.stream = stream;
    this.painter = null;
  }

  /** Reads grids back from now on. */
  async readBack(): Promise<void> {
    this.reading = true;
    if (this.context === null) return;
    this.context = null;
    this.canvas = await this.freshCanvas();
  }

  /** @param grid [height, width] words, as `GridPainter` takes them */
  async draw(grid: Tensor): Promise<void> {
    const { gpu } = this.stream!;
    // A software adapter's memory is the machine's own, so reading back costs next to nothing there; and headless
    // Chromium's GPU process does not survive a canvas on SwiftShader.
    if (!this.reading && !gpu.software) {
      try {
        await this.present(grid, gpu.device);
        return;
      } catch (error) {
        gpu.checkAlive();
        console.warn("the grid is read back from now on:", error);
        await this.readBack();
      }
    }
    const pixels = new Uint8ClampedArray(await this.stream!.readBytes(grid), 0, grid.bytes);
    const [height, width] = grid.shape;
    fitTo(this.canvas, grid);
    this.canvas2d ??= this.canvas.getContext("2d");
    this.canvas2d!.putImageData(new ImageData(pixels, width, height), 0, 0);
  }

  /** @throws Error when the canvas takes no texture of this device */
  private async present(grid: Tensor, device: GPUDevice): Promise<void> {
    const format = navigator.gpu.getPreferredCanvasFormat();
    fitTo(this.canvas, grid);
    device.pushErrorScope("validation");
    let outcome: Promise<GPUError | null>;
    try {
      if (this.painter === null) {
        this.context ??= this.canvas.getContext("webgpu") as GPUCanvasContext | null;
        this.context!.configure({ device, format, alphaMode: "opaque" });
        this.painter = new GridPainter(device, format);
      }
      this.painter.paint(grid, this.context!.getCurrentTexture());
    } finally {
      outcome = device.popErrorScope();
    }
    const error = await outcome;
    if (error) throw new Error(error.message);
  }
}

function fitTo(canvas: OffscreenCanvas, { shape: [height, width] }: Tensor): void {
  if (canvas.width === width && canvas.height === height) return;
  canvas.width = width;
  canvas.height = height;
}

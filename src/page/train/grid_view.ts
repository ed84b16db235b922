/** The grid of generated pictures on the page's canvas. */
import { gridColour, gridExtent, gridGap, pictureGrid, squareColumns } from "../../data/grid.ts";
import type { Stream } from "../../gpu/stream.ts";
import { type GpuPictures, readPictures } from "../../train/sampler.ts";
import code from "./show_grid.wgsl?raw";

/** Draws pictures in a GPU buffer as a grid onto a texture, without reading them back. */
export class GridPainter {
  private readonly pipeline: GPURenderPipeline;
  private readonly layout: GPUBuffer;

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
    this.layout = device.createBuffer({ label: "grid layout", size: 32, usage: 0x40 | 0x8 });
  }

  /** @param target a texture of the grid's extent */
  paint({ count, size, pixels }: GpuPictures, columns: number, target: GPUTexture): void {
    const { device, pipeline, layout } = this;
    const words = new Uint32Array(8);
    words.set([count, size, columns, gridGap]);
    new Float32Array(words.buffer).set([...gridColour.map((value) => value / 255), 1], 4);
    device.queue.writeBuffer(layout, 0, words);
    const bindGroup = device.createBindGroup({
      label: "show_grid",
      layout: pipeline.getBindGroupLayout(0),
      entries: [
        { binding: 0, resource: { buffer: layout } },
        { binding: 1, resource: { buffer: pixels.buffer, offset: pixels.offset, size: pixels.bytes } },
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
 * The page's canvas. Where drawing on it directly fails, or may have caused the loss of the device, pictures are read back
 * and drawn on a fresh canvas: a canvas that had a context of one kind cannot get one of another.
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

  /** From now on, reads pictures back to draw them. */
  async readBack(): Promise<void> {
    this.reading = true;
    if (this.context === null) return;
    this.context = null;
    this.canvas = await this.freshCanvas();
  }

  /** Draws them as a grid that is closest to square. */
  async draw(pictures: GpuPictures): Promise<void> {
    const { gpu } = this.stream!;
    // A software adapter's memory is the machine's own, so reading back costs next to nothing there; and headless
    // Chromium's GPU process does not survive a canvas on SwiftShader.
    if (!this.reading && !gpu.software) {
      try {
        await this.present(pictures, gpu.device);
        return;
      } catch (error) {
        gpu.checkAlive();
        console.warn("pictures are read back from now on:", error);
        await this.readBack();
      }
    }
    const { width, height, rgba } = pictureGrid(await readPictures(this.stream!, pictures));
    fitTo(this.canvas, width, height);
    this.canvas2d ??= this.canvas.getContext("2d");
    const data = new Uint8ClampedArray(rgba.buffer as ArrayBuffer);
    this.canvas2d!.putImageData(new ImageData(data, width, height), 0, 0);
  }

  /** @throws Error when the canvas takes no texture of this device */
  private async present(pictures: GpuPictures, device: GPUDevice): Promise<void> {
    const { count, size } = pictures;
    const format = navigator.gpu.getPreferredCanvasFormat();
    const columns = squareColumns(count);
    const { width, height } = gridExtent(count, size, columns);
    fitTo(this.canvas, width, height);
    device.pushErrorScope("validation");
    let outcome: Promise<GPUError | null>;
    try {
      if (this.painter === null) {
        this.context ??= this.canvas.getContext("webgpu") as GPUCanvasContext | null;
        this.context!.configure({ device, format, alphaMode: "opaque" });
        this.painter = new GridPainter(device, format);
      }
      this.painter.paint(pictures, columns, this.context!.getCurrentTexture());
    } finally {
      outcome = device.popErrorScope();
    }
    const error = await outcome;
    if (error) throw new Error(error.message);
  }
}

function fitTo(canvas: OffscreenCanvas, width: number, height: number): void {
  if (canvas.width === width && canvas.height === height) return;
  canvas.width = width;
  canvas.height = height;
}

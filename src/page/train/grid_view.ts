/** The fakes' grid on a canvas. */
import type { Tensor } from "../../gpu/tensor.ts";
import type { Device } from "./device.ts";
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

/** Shows a grid that a sampler rendered. */
type Show = (grid: Tensor) => Promise<void>;

/**
 * The page's canvas. Once a canvas has one kind of context it can get no other, so the kind is tried on another canvas
 * first.
 */
export class GridView {
  private show: Show | null = null;

  constructor(private readonly canvas: OffscreenCanvas) {}

  /** Takes the device to draw with from now on: the first one, or the one after a loss. */
  async use({ gpu, stream }: Device): Promise<void> {
    const { device } = gpu;
    const format = navigator.gpu.getPreferredCanvasFormat();
    // A software adapter's memory is the machine's own, so reading back costs next to nothing there; and headless
    // Chromium's GPU process does not survive a canvas on SwiftShader.
    const direct =
      this.canvas2d === null && !gpu.software && (this.context !== null || (await canPresent(device, format)));
    if (direct) {
      this.context ??= this.canvas.getContext("webgpu") as GPUCanvasContext;
      const { context, canvas } = this;
      context.configure({ device, format, alphaMode: "opaque" });
      const painter = new GridPainter(device, format);
      this.show = async (grid) => {
        fitTo(canvas, grid);
        painter.paint(grid, context.getCurrentTexture());
      };
      return;
    }
    if (this.context !== null) throw new Error("the new GPU device cannot draw on the page's canvas: reload the page");
    this.canvas2d ??= this.canvas.getContext("2d");
    const { canvas, canvas2d } = this;
    this.show = async (grid) => {
      const [height, width] = grid.shape;
      const pixels = new Uint8ClampedArray(await stream.readBytes(grid), 0, grid.bytes);
      fitTo(canvas, grid);
      canvas2d!.putImageData(new ImageData(pixels, width, height), 0, 0);
    };
  }

  async draw(grid: Tensor): Promise<void> {
    await this.show?.(grid);
  }

  private context: GPUCanvasContext | null = null;
  private canvas2d: OffscreenCanvasRenderingContext2D | null = null;
}

function fitTo(canvas: OffscreenCanvas, { shape: [height, width] }: Tensor): void {
  if (canvas.width === width && canvas.height === height) return;
  canvas.width = width;
  canvas.height = height;
}

/** Whether the device can draw on a canvas. */
async function canPresent(device: GPUDevice, format: GPUTextureFormat): Promise<boolean> {
  try {
    const context = new OffscreenCanvas(16, 16).getContext("webgpu") as GPUCanvasContext | null;
    if (!context) return false;
    device.pushErrorScope("validation");
    context.configure({ device, format, alphaMode: "opaque" });
    context.getCurrentTexture();
    return (await device.popErrorScope()) === null;
  } catch {
    return false;
  }
}

/** An image as a PNG file. */
export async function encodePng(image: { width: number; height: number; rgba: Uint8Array }): Promise<Blob> {
  const { width, height, rgba } = image;
  const canvas = new OffscreenCanvas(width, height);
  const pixels = new Uint8ClampedArray(rgba.buffer as ArrayBuffer, rgba.byteOffset, rgba.byteLength);
  canvas.getContext("2d")!.putImageData(new ImageData(pixels, width, height), 0, 0);
  return await canvas.convertToBlob({ type: "image/png" });
}

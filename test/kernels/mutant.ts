import type { Gpu } from "../../src/gpu/gpu.ts";

/** The same device with programs of its own, whose WGSL is changed before it is compiled. */
export function withShaders(gpu: Gpu, change: (code: string) => string): Gpu {
  const device = new Proxy(gpu.device, {
    get(target, key) {
      if (key === "createShaderModule") {
        return (descriptor: GPUShaderModuleDescriptor) =>
          target.createShaderModule({ ...descriptor, code: change(descriptor.code) });
      }
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return Object.create(gpu, { device: { value: device }, programs: { value: new Map() } }) as Gpu;
}

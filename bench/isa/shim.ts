/** vulkan_shim.c compiled, and what must lie next to it for Dawn to find it. */
import { createHash, randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../src/cli/user_error.ts";
import { runCommand } from "./commands.ts";
import { isaCache, type Mesa } from "./mesa.ts";
import source from "./vulkan_shim.c?raw";

export interface Shim {
  /** Debian's program loader, which starts a program with Debian's libraries instead of the system's. */
  readonly loader: string;
  /** The folder of the shim, to be searched for libraries first. */
  readonly folder: string;
  /** The file that tells Vulkan where the AMD driver is. */
  readonly driver: string;
  /** The real Vulkan library. */
  readonly vulkan: string;
}

/**
 * Compiles the shim if this version of it is not in the cache.
 *
 * Dawn looks for libvulkan.so.1 first in the folder of the running program, which is the loader's if a program is started
 * by one. So the loader is copied next to the shim.
 */
export function openShim({ libraries, headers }: Mesa): Shim {
  const version = createHash("sha256").update(source).update(libraries).digest("hex").slice(0, 12);
  const folder = join(isaCache(), `shim-${version}`);
  if (!existsSync(folder)) {
    const workshop = `${folder}.${randomBytes(4).toString("hex")}`;
    mkdirSync(workshop, { recursive: true });
    try {
      build(workshop, { libraries, headers });
      if (!existsSync(folder)) renameSync(workshop, folder);
    } catch (error) {
      throw new UserError(`cannot compile bench/isa/vulkan_shim.c: ${(error as Error).message}`);
    } finally {
      rmSync(workshop, { recursive: true, force: true });
    }
  }
  return {
    folder,
    loader: join(folder, "ld.so"),
    driver: join(folder, "driver.json"),
    vulkan: join(libraries, "libvulkan.so.1"),
  };
}

function build(folder: string, { libraries, headers }: Mesa): void {
  const file = join(folder, "vulkan_shim.c");
  writeFileSync(file, source);
  // After the system's own headers: those of Debian's C library are not for this compiler.
  const include = ["-idirafter", headers];
  const shared = ["-shared", "-fPIC", "-fvisibility=hidden", "-Wl,-soname,libvulkan.so.1"];
  const output = ["-o", join(folder, "libvulkan.so.1")];
  runCommand("cc", ["-O1", "-Wall", "-Wextra", ...include, ...shared, ...output, file, "-ldl", "-lpthread"]);
  copyFileSync(join(libraries, "ld-linux-x86-64.so.2"), join(folder, "ld.so"));
  const library = join(libraries, "libvulkan_radeon.so");
  const manifest = { file_format_version: "1.0.0", ICD: { api_version: "1.4.0", library_path: library } };
  writeFileSync(join(folder, "driver.json"), JSON.stringify(manifest));
}

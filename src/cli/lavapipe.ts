/**
 * Mesa's lavapipe, a Vulkan driver that computes on the processor, where the system has it: several times as fast as
 * SwiftShader (docs/performance.md). Debian's package is mesa-vulkan-drivers.
 */
import { readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { softwareFlag } from "./swiftshader.ts";

/** Where the Vulkan loader looks for drivers, in its order: LoaderDriverInterface.md of Vulkan-Loader. */
function driverFolders(): string[] {
  const { XDG_CONFIG_HOME, XDG_CONFIG_DIRS, XDG_DATA_HOME, XDG_DATA_DIRS } = process.env;
  return [
    XDG_CONFIG_HOME || join(homedir(), ".config"),
    ...(XDG_CONFIG_DIRS || "/etc/xdg").split(":"),
    "/etc",
    XDG_DATA_HOME || join(homedir(), ".local/share"),
    ...(XDG_DATA_DIRS || "/usr/local/share:/usr/share").split(":"),
  ].map((folder) => join(folder, "vulkan/icd.d"));
}

/** lavapipe of Mesa 25 is the first that offers Vulkan 1.4, and Dawn refuses those of Mesa 22 and 23. */
const leastVulkan = 1.4;

/** A driver's manifest, and the version of Vulkan that it offers: `1.4` for 1.4.354. */
export interface Lavapipe {
  readonly manifest: string;
  readonly vulkan: number;
}

/** Manifests of drivers: those that the user's variables name, else all of this system. */
function manifests(folders: readonly string[]): string[] {
  const { [softwareFlag]: entered, VK_DRIVER_FILES, VK_ICD_FILENAMES } = process.env;
  // This program has set them itself.
  const named = entered === undefined ? VK_DRIVER_FILES || VK_ICD_FILENAMES : undefined;
  return named?.split(":") ?? folders.flatMap((folder) => namesIn(folder).map((name) => join(folder, name)));
}

/** The newest lavapipe of this system. @returns null if there is none */
export function findLavapipe(folders = driverFolders()): Lavapipe | null {
  const found = manifests(folders)
    .filter((path) => /^lvp_icd.*\.json$/.test(basename(path)))
    .flatMap((path) => describe(path) ?? []);
  return found.reduce<Lavapipe | null>((best, one) => (best && best.vulkan >= one.vulkan ? best : one), null);
}

/** Whether Dawn accepts it. wgpu, in Deno, accepts older ones too. */
export function dawnAccepts({ vulkan }: Lavapipe): boolean {
  return vulkan >= leastVulkan;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function describe(manifest: string): Lavapipe | null {
  try {
    const version: string = JSON.parse(readFileSync(manifest, "utf8")).ICD.api_version;
    return { manifest, vulkan: Number(/^\d+\.\d+/.exec(version)![0]) };
  } catch {
    // A manifest that the loader could not read either.
    return null;
  }
}

const aptFrom = (suite: string) => `sudo apt install -t ${suite} mesa-vulkan-drivers`;

/** What installs lavapipe of Mesa 25 or later, by the ID and version of os-release. */
const installs: readonly [system: RegExp, command: string][] = [
  [/^debian 12/, aptFrom("bookworm-backports")],
  [/^debian 13/, aptFrom("trixie-backports")],
  [/^(debian|ubuntu)/, "sudo apt install mesa-vulkan-drivers"],
  [/^fedora/, "sudo dnf install mesa-vulkan-drivers"],
  [/^arch/, "sudo pacman -S vulkan-swrast"],
  [/^opensuse/, "sudo zypper install libvulkan_lvp"],
];

/** How to install it here: a command, if this system is a known one. */
export function howToInstall(osRelease = readOsRelease()): string {
  const value = (key: string) => new RegExp(`^${key}="?([^"\n]*)`, "m").exec(osRelease)?.[1] ?? "";
  const system = `${value("ID")} ${value("VERSION_ID")}`;
  return (
    installs.find(([pattern]) => pattern.test(system))?.[1] ?? "install Mesa's Vulkan drivers, version 25 or later"
  );
}

function readOsRelease(): string {
  try {
    return readFileSync("/etc/os-release", "utf8");
  } catch {
    return "";
  }
}

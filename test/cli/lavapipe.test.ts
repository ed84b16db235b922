/** Which software adapter is chosen, and what is said of it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { dawnAccepts, findLavapipe, howToInstall } from "../../src/cli/lavapipe.ts";
import {
  chooseSoftware,
  namedSoftware,
  outerEnvironment,
  softwareNote,
  whyNoLavapipe,
} from "../../src/cli/software_adapters.ts";
import { softwareFlag, swiftShaderEnvironment } from "../../src/cli/swiftshader.ts";
import { start, temporaryFolder } from "./program.ts";

const folder = temporaryFolder();
const drivers = join(folder, "share/vulkan/icd.d");
mkdirSync(drivers, { recursive: true });
const names = [softwareFlag, "VK_DRIVER_FILES", "VK_ICD_FILENAMES"];

/** As before a software adapter was chosen. */
beforeEach(() => {
  for (const name of names) vi.stubEnv(name, undefined);
  vi.stubEnv("XDG_DATA_DIRS", join(folder, "share"));
  vi.stubEnv("XDG_DATA_HOME", join(folder, "none"));
});
afterEach(() => void vi.unstubAllEnvs());

function manifest(name: string, version: string, library = "libvulkan_lvp.so"): string {
  const path = join(drivers, name);
  writeFileSync(path, JSON.stringify({ ICD: { api_version: version, library_path: library } }));
  return path;
}

test("lavapipe is found by its manifest, the newest of several; what is no manifest is left out", () => {
  const [old, recent] = [join(folder, "old"), join(folder, "recent")];
  for (const path of [old, recent]) mkdirSync(path, { recursive: true });
  const lavapipe = (version: string) => JSON.stringify({ ICD: { api_version: version } });
  writeFileSync(join(old, "lvp_icd.x86_64.json"), lavapipe("1.1.230"));
  writeFileSync(join(old, "radeon_icd.x86_64.json"), lavapipe("1.4.1"));
  expect(findLavapipe([join(folder, "missing")])).toBeNull();
  const found = findLavapipe([old]);
  expect(found).toEqual({ manifest: join(old, "lvp_icd.x86_64.json"), vulkan: 1.1 });
  expect(dawnAccepts(found!)).toBe(false);
  writeFileSync(join(recent, "lvp_icd.a.json"), "half a manifest");
  writeFileSync(join(recent, "lvp_icd.json"), lavapipe("1.4.354"));
  for (const folders of [
    [old, recent],
    [recent, old],
  ]) {
    const newest = findLavapipe(folders);
    expect(newest).toEqual({ manifest: join(recent, "lvp_icd.json"), vulkan: 1.4 });
    expect(dawnAccepts(newest!)).toBe(true);
  }
});

test("drivers that the user's variables name are the only ones", () => {
  const path = manifest("lvp_icd.json", "1.4.354");
  expect(findLavapipe()?.manifest).toBe(path);
  vi.stubEnv("VK_DRIVER_FILES", "/nowhere/other.json");
  expect(findLavapipe()).toBeNull();
  vi.stubEnv("VK_DRIVER_FILES", `/nowhere/other.json:${path}`);
  expect(findLavapipe()?.manifest).toBe(path);
});

test("the fastest software adapter that Dawn accepts is chosen, unless another is named", () => {
  const path = manifest("lvp_icd.json", "1.4.354");
  for (const choice of ["auto", "software", "lavapipe", "LLVM"]) {
    expect(chooseSoftware(choice), choice).toEqual({
      kind: "lavapipe",
      environment: { [softwareFlag]: path, VK_DRIVER_FILES: path, VK_ICD_FILENAMES: path },
    });
  }
  const swiftShader = swiftShaderEnvironment();
  expect(chooseSoftware("swift")?.environment).toEqual(swiftShader ?? undefined);
  expect(softwareNote("llvmpipe: Mesa 26", "auto")).toEqual({ why: "no GPU found", faster: null });
  expect(softwareNote("SwiftShader driver", "swift").faster).toEqual(["lavapipe:", "--adapter lavapipe"]);
  manifest("lvp_icd.json", "1.1.230");
  expect(chooseSoftware("auto")?.environment).toEqual(swiftShader ?? undefined);
  expect(chooseSoftware("lavapipe")).toBeNull();
  expect(whyNoLavapipe()).toMatch(/^the lavapipe here is older than Mesa 25, so Dawn refuses it: ./);
  expect(softwareNote("SwiftShader driver", "auto").faster![1]).toBe(howToInstall());
});

test("a name is a software adapter's if it begins one", () => {
  expect(["swiftshader", "Swift", "lavapipe", "llvmpipe", "lava"].map(namedSoftware)).toEqual([
    "SwiftShader",
    "SwiftShader",
    "lavapipe",
    "lavapipe",
    "lavapipe",
  ]);
  for (const gpu of ["auto", "software", "NVIDIA", "l", "Intel", ""]) expect(namedSoftware(gpu), gpu).toBeNull();
});

test("the advice is this system's own command, where one is known", () => {
  const debian = (version: number) => howToInstall(`NAME="Debian"\nVERSION_ID="${version}"\nID=debian\n`);
  expect(debian(12)).toBe("sudo apt install -t bookworm-backports mesa-vulkan-drivers");
  expect(debian(13)).toBe("sudo apt install -t trixie-backports mesa-vulkan-drivers");
  expect(debian(14)).toBe("sudo apt install mesa-vulkan-drivers");
  expect(howToInstall('ID=fedora\nVERSION_ID="43"\n')).toBe("sudo dnf install mesa-vulkan-drivers");
  expect(howToInstall('ID="opensuse-tumbleweed"\n')).toBe("sudo zypper install libvulkan_lvp");
  expect(howToInstall("")).toBe("install Mesa's Vulkan drivers, version 25 or later");
});

test("a process has the same environment before it enters an adapter and for the processes that it starts", () => {
  vi.stubEnv("LD_LIBRARY_PATH", "/mine");
  const before = { ...process.env };
  for (const choice of ["swift", "auto"]) {
    if (choice === "auto") manifest("lvp_icd.json", "1.4.354");
    for (const [name, value] of Object.entries(chooseSoftware(choice)?.environment ?? {})) vi.stubEnv(name, value);
    expect(outerEnvironment()).toEqual(before);
    for (const name of names) vi.stubEnv(name, undefined);
    vi.stubEnv("LD_LIBRARY_PATH", "/mine");
  }
});

test.runIf(swiftShaderEnvironment())(
  "where Dawn refuses lavapipe after all, SwiftShader computes",
  { timeout: 300_000 },
  async () => {
    manifest("lvp_icd.json", "1.4.354", join(folder, "no_such_library.so"));
    const out = join(folder, "cats.png");
    const env = { XDG_DATA_DIRS: join(folder, "share") };
    const { code, stdout } = await start(["sample", "--out", out, "--adapter", "software"], env).done;
    expect(stdout).toContain("SwiftShader");
    expect(code).toBe(0);
  },
);

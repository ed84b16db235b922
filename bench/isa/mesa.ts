/**
 * Mesa 25's AMD driver with all libraries that it needs, from Debian 13, in the user's cache. Debian packages are only
 * unpacked there, not installed, so this needs neither root nor a change to the system. The version is fixed by the
 * release because a table is only comparable with an earlier one if the compiler is the same.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../../src/cli/user_cache.ts";
import { UserError } from "../../src/cli/user_error.ts";
import { hasCommand, runCommand } from "./commands.ts";

/** Folders in the cache. */
export interface Mesa {
  /** Shared libraries, the C library and its program loader included. */
  readonly libraries: string;
  /** Vulkan's C headers. */
  readonly headers: string;
}

const release = "trixie";
const packages = ["mesa-vulkan-drivers", "libvulkan1", "libvulkan-dev", "libstdc++6"];
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** The folder of everything that bench:isa keeps. */
export const isaCache = () => join(cacheFolder(), "isa");

/** What is missing on this machine, one thing per line with how to get it; empty if everything is here. */
export function missingTools(): string[] {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return [`Linux on x64; this is ${process.platform} on ${process.arch}`];
  }
  const missing: string[] = [];
  if (!hasCommand("cc")) missing.push("a C compiler: apt-get install gcc libc6-dev");
  if (existsSync(mesaFolder())) return missing;
  if (!hasCommand("apt-get") || !hasCommand("dpkg-deb")) {
    missing.push("apt-get and dpkg-deb, which download and unpack Mesa: use Debian, Ubuntu or a container of one");
  }
  if (!existsSync(keyring)) missing.push("Debian's keys: apt-get install debian-archive-keyring");
  return missing;
}

const mesaFolder = () => join(isaCache(), `debian-${release}`);

/**
 * @param mirror the Debian archive to use; null for the one that this machine's apt uses
 * @param onDownload called before packages are downloaded, the first time
 * @throws UserError when they cannot be downloaded
 */
export function openMesa(mirror: string | null, onDownload: () => void): Mesa {
  const folder = mesaFolder();
  if (!existsSync(folder)) {
    onDownload();
    const archive = mirror ?? debianArchive();
    mkdirSync(isaCache(), { recursive: true });
    const workshop = mkdtempSync(join(isaCache(), "unfinished-"));
    try {
      download(archive, workshop);
      // Renamed when complete, so that an interrupted download is not taken for Mesa.
      renameSync(unpack(workshop), folder);
    } catch (error) {
      throw new UserError(`cannot get Mesa from ${archive}: ${(error as Error).message}`);
    } finally {
      rmSync(workshop, { recursive: true, force: true });
    }
  }
  return { libraries: join(folder, "lib"), headers: join(folder, "include") };
}

/** The archive from which this machine gets Debian packages. @throws UserError when it gets them from another system's */
function debianArchive(): string {
  const format = "$(LABEL)|$(REPO_URI)";
  const lines = runCommand("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]).split("\n");
  const found = lines.find((line) => line.startsWith("Debian|"));
  if (found) return found.slice("Debian|".length);
  throw new UserError(
    "bench:isa needs packages of Debian 13, and apt has no Debian archive here: run apt-get update, or name one with --mirror URL",
  );
}

/** Downloads the packages and everything that they depend on, with apt's state in the workshop instead of the system's. */
function download(archive: string, workshop: string): void {
  for (const folder of ["state/lists/partial", "cache/archives/partial"]) {
    mkdirSync(join(workshop, folder), { recursive: true });
  }
  const sources = join(workshop, "sources.list");
  writeFileSync(sources, `deb [arch=amd64 signed-by=${keyring}] ${archive} ${release} main\n`);
  writeFileSync(join(workshop, "status"), "");
  const settings = {
    "Dir::Etc::SourceList": sources,
    "Dir::Etc::SourceParts": "/dev/null",
    "Dir::State": join(workshop, "state"),
    "Dir::State::Status": join(workshop, "status"),
    "Dir::Cache": join(workshop, "cache"),
    "APT::Architecture": "amd64",
    "APT::Sandbox::User": "",
    "Acquire::Languages": "none",
    // Otherwise an archive that cannot be reached is only a warning.
    "APT::Update::Error-Mode": "any",
    // Hooks of the system concern its own packages.
    "APT::Update::Post-Invoke": "",
    "APT::Update::Post-Invoke-Success": "",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  runCommand("apt-get", [...options, "-qq", "update"]);
  const install = ["install", "--download-only", "--no-install-recommends", "--yes", ...packages];
  runCommand("apt-get", [...options, "-qq", ...install]);
}

/** Unpacks the downloaded packages and keeps libraries and headers. @returns their folder */
function unpack(workshop: string): string {
  const root = join(workshop, "root");
  const archives = join(workshop, "cache", "archives");
  for (const name of readdirSync(archives).filter((name) => name.endsWith(".deb"))) {
    runCommand("dpkg-deb", ["--extract", join(archives, name), root]);
  }
  const kept = join(workshop, "kept");
  mkdirSync(kept);
  renameSync(join(root, "usr", "lib", "x86_64-linux-gnu"), join(kept, "lib"));
  renameSync(join(root, "usr", "include"), join(kept, "include"));
  return kept;
}

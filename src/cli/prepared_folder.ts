/**
 * What `catgan prepare` makes: a folder with `preparedFiles`. It grows under another name beside its place and is moved
 * there when it is whole, so that nobody ever finds half of it.
 */
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { mkdir, readdir, realpath, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { isPrepared, preparedFiles } from "../data/prepared.ts";
import { ZipWriter } from "../data/zip_writer.ts";
import { explained, syncFolder, writeFileAtomically } from "./files.ts";
import { UserError } from "./user_error.ts";

/**
 * @throws UserError when something else than an earlier preparation is in `out`, or pictures of `source` are to be looked
 *   for in it
 */
export async function checkPreparedFolder(out: string, source: string): Promise<void> {
  const [place, from] = [resolve(out), await realpath(source).catch(() => resolve(source))];
  const real = await realpath(place).catch(() => place);
  if (`${real}${sep}`.startsWith(`${from}${sep}`) || `${from}${sep}`.startsWith(`${real}${sep}`)) {
    throw new UserError(`${out} lies in ${source}, or the other way round: choose a place beside it`);
  }
  const names = await namesIn(out);
  if (names.length > 0 && !isOurs(names)) {
    throw new UserError(`${out} is not empty, and not of an earlier catgan prepare: choose a new folder`);
  }
}

export class PreparedFolder {
  private readonly unfinished: string;
  private file: number | null;
  private readonly zip: ZipWriter;

  private constructor(private readonly out: string) {
    this.unfinished = unfinishedPath(out);
    const file = openSync(this.zipPath, "wx");
    this.file = file;
    this.zip = new ZipWriter((bytes) => {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    });
  }

  /** @throws UserError when it cannot be made */
  static async create(out: string): Promise<PreparedFolder> {
    return await explained(`cannot make ${out}`, async () => {
      await mkdir(dirname(resolve(out)), { recursive: true });
      await mkdir(unfinishedPath(out));
      return new PreparedFolder(out);
    });
  }

  /** Where the pictures are while the folder is not finished. */
  get zipPath(): string {
    return join(this.unfinished, preparedFiles.pictures);
  }

  /** @param png a file's bytes */
  addPicture(name: string, png: Uint8Array): void {
    this.zip.add(name, png);
  }

  /** No more pictures: from now on `zipPath` is a zip. */
  finishPictures(): void {
    this.zip.finish();
    fsyncSync(this.file!);
    this.close();
  }

  private close(): void {
    if (this.file !== null) closeSync(this.file);
    this.file = null;
  }

  /** Writes the other files and moves the folder to its place; what an earlier preparation has left there goes. */
  async finish(files: { report: string; duplicates: string; contactSheet: Uint8Array }): Promise<void> {
    for (const name of ["contactSheet", "duplicates", "report"] as const) {
      await writeFileAtomically(join(this.unfinished, preparedFiles[name]), files[name]);
    }
    const names = await namesIn(this.out);
    const earlier = `${this.unfinished}.earlier`;
    // Again: it has been a while.
    if (isOurs(names)) await rename(this.out, earlier);
    else await rmdir(this.out).catch(() => {});
    await rename(this.unfinished, this.out);
    await rm(earlier, { recursive: true, force: true });
    await syncFolder(dirname(resolve(this.out)));
  }

  /** Leaves nothing behind. */
  async discard(): Promise<void> {
    this.close();
    await rm(this.unfinished, { recursive: true, force: true }).catch(() => {});
  }
}

const unfinishedPath = (out: string) => `${resolve(out)}.${process.pid}.tmp`;

const isOurs = (names: readonly string[]) =>
  isPrepared(names) && names.every((name) => (Object.values(preparedFiles) as string[]).includes(name));

async function namesIn(folder: string): Promise<string[]> {
  return await explained(`cannot look into ${folder}`, async () =>
    readdir(folder).catch((error) => {
      if (error.code === "ENOENT") return [];
      throw error;
    }),
  );
}

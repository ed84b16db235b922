/**
 * What `catgan prepare` makes: a folder with `preparedFiles`. It is built under a temporary name next to its final
 * place and moved there once it is complete, so that it is never seen half finished.
 */
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { lstat, mkdir, readdir, realpath, rm } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { preparedFiles } from "../data/prepared.ts";
import { ZipWriter } from "../data/zip_writer.ts";
import { explained, makeFolders, nullIfMissing, removeMade, temporaryPath, writeFileAtomically } from "./files.ts";
import { probe, realPlace, refuseRunFiles } from "./output_file.ts";
import { deleteUnfinished, earlierPath, isPreparedFolder, moveIn, recoverSwap } from "./prepared_swap.ts";
import { UserError } from "./user_error.ts";

/**
 * Restores what an interrupted `prepare` left, then checks that `out` may be written.
 * @throws UserError when `out` holds anything but an earlier result, overlaps `source`, or lies in a run
 */
export async function checkPreparedFolder(out: string, source: string): Promise<void> {
  const from = await realpath(source).catch(() => resolve(source));
  const place = await realPlace(out);
  const overlaps = (a: string, b: string) =>
    `${a}${sep}`.startsWith(`${b}${sep}`) || `${b}${sep}`.startsWith(`${a}${sep}`);
  if ([place, resolve(out), earlierPath(out)].some((path) => overlaps(path, from))) {
    throw new UserError(`${out} lies in ${source}, or the other way round: choose a folder outside it`);
  }
  await refuseRunFiles(out, join(place, preparedFiles.pictures));
  await recoverSwap(out);
  await explained(`cannot look into ${out}`, async () => {
    const found = await nullIfMissing(lstat(resolve(out)));
    if (found?.isSymbolicLink()) throw new UserError(`${out} is a symbolic link: give the folder that it points to`);
    const replaces = await isPreparedFolder(resolve(out));
    if (found && !replaces && (await readdir(out)).length > 0) {
      throw new UserError(`${out} is not empty, and not from an earlier catgan prepare: choose a new folder`);
    }
    if (replaces && (await nullIfMissing(lstat(earlierPath(out))))) {
      throw new UserError(`${earlierPath(out)} is in the way: rename it, or choose another folder than ${out}`);
    }
  });
}

export class PreparedFolder {
  private file: number | null;
  private readonly zip: ZipWriter;

  private constructor(
    private readonly out: string,
    private readonly unfinished: string,
    /** Parent folders that were made for `out`, outermost first. */
    private parents: readonly string[],
  ) {
    const file = openSync(this.zipPath, "wx");
    this.file = file;
    this.zip = new ZipWriter((bytes) => {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    });
  }

  /** @throws UserError when it cannot be made, or the disk is full */
  static async create(out: string): Promise<PreparedFolder> {
    return await explained(`cannot make ${out}`, async () => {
      const parents = await makeFolders(dirname(resolve(out)));
      const unfinished = temporaryPath(resolve(out));
      try {
        await deleteUnfinished(out);
        await mkdir(unfinished);
        await probe(join(unfinished, preparedFiles.pictures));
        return new PreparedFolder(out, unfinished, parents);
      } catch (error) {
        await rm(unfinished, { recursive: true, force: true }).catch(() => {});
        await removeMade(parents);
        throw error;
      }
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

  /** Call after the last picture: from now on `zipPath` is a zip. */
  finishPictures(): void {
    this.zip.finish();
    fsyncSync(this.file!);
    this.close();
  }

  private close(): void {
    if (this.file !== null) closeSync(this.file);
    this.file = null;
  }

  /** Writes the other files and moves the folder to its place; an earlier result there is deleted. */
  async finish(files: { report: string; duplicates: string; contactSheet: Uint8Array }): Promise<void> {
    for (const name of ["contactSheet", "duplicates", "report"] as const) {
      await writeFileAtomically(join(this.unfinished, preparedFiles[name]), files[name]);
    }
    await moveIn(this.unfinished, this.out);
    this.parents = [];
  }

  /** Deletes everything unfinished. */
  async discard(): Promise<void> {
    this.close();
    await rm(this.unfinished, { recursive: true, force: true }).catch(() => {});
    await removeMade(this.parents);
  }
}

/** The few file operations that runs are kept with, so that tests can keep them in memory and break them. */
export interface Folder {
  /** The whole file; null when there is none. Any other reason for not reading it is an error. */
  read(name: string): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Replaces the file, not atomically: a crash or a full disk leaves it torn. Resolves when it is flushed. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Null when there is none. */
  size(name: string): Promise<number | null>;
  /** A file, or a folder with everything in it; does nothing when there is none. */
  remove(name: string): Promise<void>;
  /** Names of files, in no order. */
  files(): Promise<string[]>;
  folders(): Promise<string[]>;
  /** The folder inside this one, created when there is none. */
  folder(name: string): Promise<Folder>;
}

/** The browser has no room left for what was to be written. */
export class StorageFullError extends Error {}

export async function copyFile(from: Folder, to: Folder, name: string): Promise<void> {
  const bytes = await from.read(name);
  if (bytes === null) throw new Error(`copying ${name}: it has just been deleted`);
  await to.write(name, bytes);
}

/**
 * Folders of the origin private file system. Files are written through synchronous access handles, which every browser
 * with WebGPU has in dedicated workers, and nowhere else.
 */
import { type Folder, StorageFullError } from "./folder.ts";

/** What TypeScript's DOM types leave out, as only dedicated workers have it. */
interface SyncAccessHandle {
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

interface SyncFileHandle extends FileSystemFileHandle {
  createSyncAccessHandle(): Promise<SyncAccessHandle>;
}

export async function openOpfs(): Promise<Folder> {
  return opfsFolder(await navigator.storage.getDirectory());
}

/** @param directory a folder of the origin private file system */
function opfsFolder(directory: FileSystemDirectoryHandle): Folder {
  /**
   * A missing file and a folder that was deleted with everything in it throw the same error. Only the first of these
   * means that there is no such file.
   */
  const absent = async (error: unknown): Promise<null> => {
    if (!isMissing(error)) throw error;
    for await (const _ of directory.keys()) break;
    return null;
  };
  const file = async (name: string): Promise<File | null> => {
    try {
      return await (await directory.getFileHandle(name)).getFile();
    } catch (error) {
      return await absent(error);
    }
  };
  const names = async (kind: FileSystemHandleKind) => {
    const found: string[] = [];
    for await (const [name, handle] of directory.entries()) if (handle.kind === kind) found.push(name);
    return found;
  };
  return {
    async read(name) {
      const found = await file(name);
      return found && new Uint8Array(await found.arrayBuffer());
    },
    async write(name, bytes) {
      try {
        await writeFile(directory, name, bytes);
      } catch (error) {
        if (!(error instanceof DOMException) || error.name !== "QuotaExceededError") throw error;
        throw new StorageFullError(
          "the browser's storage is full: delete runs, or free space on the disk; what was saved before is intact",
        );
      }
    },
    size: async (name) => (await file(name))?.size ?? null,
    async remove(name) {
      await directory.removeEntry(name, { recursive: true }).catch(absent);
    },
    files: () => names("file"),
    folders: () => names("directory"),
    folder: async (name) => opfsFolder(await directory.getDirectoryHandle(name, { create: true })),
  };
}

async function writeFile(directory: FileSystemDirectoryHandle, name: string, bytes: Uint8Array): Promise<void> {
  const found = (await directory.getFileHandle(name, { create: true })) as SyncFileHandle;
  const handle = await found.createSyncAccessHandle();
  try {
    let written = 0;
    while (written < bytes.length) {
      const more = handle.write(bytes.subarray(written), { at: written });
      if (more === 0) throw new DOMException("nothing was written", "QuotaExceededError");
      written += more;
    }
    handle.truncate(bytes.length);
    handle.flush();
  } finally {
    handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof DOMException && error.name === "NotFoundError";
}

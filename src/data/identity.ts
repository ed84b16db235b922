/**
 * Identifies a set of photographs, by their files' bytes and how they became square pictures of one size.
 * Pixels would not do: decoders round differently, and a run may move from one decoder to another.
 */
import type { Fit } from "./photographs.ts";

export const digestBytes = 32;

/** @returns SHA-256 of the concatenated parts */
export async function sha256(...parts: Uint8Array[]): Promise<Uint8Array> {
  const whole = parts.length === 1 ? parts[0] : new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole as BufferSource));
}

/**
 * Names matter only through the order in which they put the files.
 * @param digests {@link digestBytes} for each picture, in order: the SHA-256 of its file, or with landmarks, of the
 *   SHA-256s of both files
 * @param fit how those that were not square became square; null where all were
 * @returns 64 hexadecimal digits
 */
export async function identityOf(digests: Uint8Array, size: number, fit: Fit | null): Promise<string> {
  const options = new TextEncoder().encode(`catgan pictures 1, ${size}, ${fit ?? "square"}\n`);
  return [...(await sha256(options, digests))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

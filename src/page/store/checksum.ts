import { crc32 } from "../../data/crc32.ts";

/** CRC-32 as eight hexadecimal digits, recorded for every file whose damage must be detected. */
export function crcOf(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, "0");
}

/**
 * FNV-1a over four bytes at a time. It misses some damage (two flipped sign bits cancel out), so new records use CRC-32.
 * Records and checkpoints still carry this one as well: another tab may run an earlier version of the page, which knows
 * no other checksum and takes files that fail it for damaged.
 */
export function checksum(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let hash = 0x811c9dc5 ^ bytes.length;
  let at = 0;
  for (; at + 4 <= bytes.length; at += 4) hash = Math.imul(hash ^ view.getUint32(at, true), 0x01000193);
  for (; at < bytes.length; at++) hash = Math.imul(hash ^ bytes[at], 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** Both, as the record of a checkpoint has them. */
export function checksumsOf(bytes: Uint8Array): { crc32: string; checksum: string } {
  return { crc32: crcOf(bytes), checksum: checksum(bytes) };
}

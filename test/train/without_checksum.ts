/** A safetensors file as earlier versions of this program wrote it: without the checksum. */
export function withoutChecksum(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = new TextDecoder().decode(bytes.subarray(8, 8 + length));
  const shorter = header.replace(/"checksum":"crc32:[0-9a-f]{8}",?/, "").trimEnd();
  if (shorter === header.trimEnd()) throw new Error("there is no checksum in it");
  const text = new TextEncoder().encode(shorter);
  const made = new Uint8Array(8 + text.length + bytes.length - 8 - length);
  new DataView(made.buffer).setBigUint64(0, BigInt(text.length), true);
  made.set(text, 8);
  made.set(bytes.subarray(8 + length), 8 + text.length);
  return made;
}

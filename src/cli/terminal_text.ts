/**
 * Text of untrusted origin (from a checkpoint, or a file's name) on its way to the terminal. Some characters control
 * the terminal or reorder what it shows, so they are shown as escapes instead.
 */

/**
 * Control characters (C0, DEL, C1), format characters (bidirectional controls, zero-width characters, byte order marks),
 * line and paragraph separators, and lone surrogates, which UTF-8 cannot encode.
 */
const steering = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** One line without anything that controls a terminal: U+009B becomes \u{9b}. */
export function escapeControls(text: string): string {
  return text.replace(steering, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** The same for text with several lines. */
export function escapeLines(text: string): string {
  return text.split("\n").map(escapeControls).join("\n");
}

/** JSON in one line: the value is the same, and none of its characters controls a terminal. */
export function terminalJson(value: unknown): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  // JSON.stringify escapes C0 and lone surrogates only.
  return JSON.stringify(value).replace(steering, (character) => character.split("").map(escaped).join(""));
}

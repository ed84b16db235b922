/**
 * Unrolled code, folded: lines that come again with their numbers counted up (`let a0 = …`, `let a1 = …`) are written once,
 * as `~16:let a$0 = …#`, or `$0'4` where they are counted in fours. The site's shaders are folded; the page unfolds them.
 */

/** What may be counted up: a number, or the letter after one that tells vec4s of a row apart (`y3a`). */
const countable = /\d+|(?<=\d)[a-d]\b/g;
/** Lines of the longest block that is looked for. */
const longest = 16;
/** As many characters must be spared, to be worth the marks. */
const worth = 30;

function countUp(token: string, by: number): string {
  return /\d/.test(token) ? `${Number(token) + by}` : String.fromCharCode(token.charCodeAt(0) + by);
}

/** @throws Error where the text has characters that stand for marks */
export function fold(text: string): string {
  if (/[~#$'?]/.test(text)) throw new Error(`fold: the text has one of ~#$'? in ${text}`);
  const lines = text.split("\n");
  const shapes = lines.map((line) => line.replace(countable, ""));
  const folded: string[] = [];
  for (let at = 0; at < lines.length; ) {
    let best = { height: 1, times: 1, block: lines[at] };
    let spared = worth;
    for (let height = 1; height <= longest; height++) {
      if (shapes[at] !== shapes[at + height]) continue;
      const { times, block } = repetition(lines.slice(at), height);
      const spares = (times - 1) * block.length;
      if (spares > spared) {
        best = { height, times, block: `~${times}:${block}#` };
        spared = spares;
      }
    }
    folded.push(best.block);
    at += best.height * best.times;
  }
  return folded.join("\n");
}

/** How many times the first `height` lines come one after the other, and what they have in common. */
function repetition(lines: readonly string[], height: number): { times: number; block: string } {
  const blockAt = (i: number) => lines.slice(i * height, (i + 1) * height).join("\n");
  const first = blockAt(0);
  const tokens = first.match(countable) ?? [];
  const next = blockAt(1).match(countable) ?? [];
  const value = (token = "") => (/\d/.test(token) ? Number(token) : token.charCodeAt(0));
  const strides = tokens.map((token, i) => value(next[i]) - value(token));
  const replaced = (replacement: (token: string, stride: number) => string) => {
    let i = 0;
    return first.replace(countable, (token) => replacement(token, strides[i++]));
  };
  if (!strides.every((stride) => stride >= 0)) return { times: 1, block: first };
  let times = 1;
  while (
    (times + 1) * height <= lines.length &&
    blockAt(times) === replaced((token, stride) => (stride === 0 ? token : countUp(token, times * stride)))
  ) {
    times++;
  }
  const mark = (token: string, stride: number) =>
    stride === 0 ? token : stride === 1 ? `$${token}` : `$${token}'${stride}`;
  return { times, block: replaced(mark) };
}

export function unfold(text: string): string {
  return text.replace(/~(\d+):([^#]*)#/g, (_, times, block: string) =>
    Array.from({ length: times }, (_, i) =>
      block.replace(/\$(\d+|.)(?:'(\d+))?/g, (_, token, stride = 1) => countUp(token, i * stride)),
    ).join("\n"),
  );
}

/** @param all names and folded texts in turn, all divided by question marks, which no shader has @returns texts by their names */
export function unfoldAll(all: string): Record<string, string> {
  const parts = all.split("?");
  const texts: Record<string, string> = {};
  for (let i = 0; i < parts.length; i += 2) texts[parts[i]] = unfold(parts[i + 1]);
  return texts;
}

/**
 * Makes untrusted text (file names, what an uploaded checkpoint says about itself) safe to show: replaces characters
 * that have an effect but no shape. These are control characters, line separators, lone surrogates, characters that
 * change the direction of the text around them, and invisible ones that hide text. Joiners stay, because emoji and many
 * scripts need them.
 */
const unseen =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u{61c}\u{180e}\u{200b}\u{200e}\u{200f}\u{202a}-\u{202e}\u{2060}-\u{206f}\u{feff}\u{fff9}-\u{fffb}\u{e0000}-\u{e007f}]/gu;

export function shownText(text: string): string {
  return text.replace(unseen, "\u{fffd}");
}

/** A name or other text whose length has not been checked, cut to this many characters. */
export function shownName(name: string, maxLength = 80): string {
  const characters = [...shownText(name.slice(0, 4 * maxLength))];
  return characters.length > maxLength ? `${characters.slice(0, maxLength - 1).join("")}…` : characters.join("");
}

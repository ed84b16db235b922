import { expect, test } from "vitest";
import { shownName, shownText } from "../../src/page/shown_text.ts";

test("characters that control, reverse or hide text are shown as a replacement character", () => {
  const hostile = [
    "\u0000\u001b[2J\u007f\u009b31m", // control characters, also the one-byte escape
    "cats\u202egnp.exe\u202c", // turned direction
    "\u2066\u2069\u200e\u200f\u061c",
    "a\u2028b\u2029c\n", // line separators
    "\ud800", // half of a pair
    "\u200b\ufeff\u{e0041}", // invisible
  ];
  for (const text of hostile) expect(shownText(text)).not.toMatch(/[\p{Cc}\p{Cs}\p{Cf}\p{Zl}\p{Zp}]/u);
  expect(shownText("cats\u202egnp.exe")).toBe("cats\ufffdgnp.exe");
});

test("every script and emoji stay as they are", () => {
  for (const text of ["Gata é ñandú", "猫と犬", "חתולים", "قطط", "क्‍ष", "👩‍🚀🐈‍⬛", "<b>&amp;</b>"]) {
    expect(shownText(text)).toBe(text);
  }
});

test("a name of a megabyte is cut, without cutting a character in two", () => {
  expect(shownName("x".repeat(2 ** 20))).toBe(`${"x".repeat(79)}…`);
  expect(shownName("🐈".repeat(81))).toBe(`${"🐈".repeat(79)}…`);
  expect(shownName("🐈".repeat(80))).toBe("🐈".repeat(80));
});

/** Suggestions for mistyped names. */

/** The name that was probably meant: the closest by typing errors, or one that begins the same; null if none is close. */
export function nearest(typo: string, names: readonly string[]): string | null {
  const close = names
    .map((name) => ({ name, errors: typingErrors(typo, name) }))
    .filter(({ errors }) => errors <= Math.floor(typo.length / 3))
    .sort((a, b) => a.errors - b.errors);
  const begins = (name: string) =>
    (typo.length >= 2 && name.startsWith(typo)) || (name.length >= 3 && typo.startsWith(name));
  return close[0]?.name ?? names.find(begins) ?? null;
}

/** Insertions, deletions, substitutions and swaps of neighbours from a to b (optimal string alignment distance). */
function typingErrors(a: string, b: string): number {
  const table = Array.from({ length: a.length + 1 }, (_, i) => [i]);
  for (let j = 1; j <= b.length; j++) table[0][j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const differs = a[i - 1] === b[j - 1] ? 0 : 1;
      table[i][j] = Math.min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + differs);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        table[i][j] = Math.min(table[i][j], table[i - 2][j - 2] + 1);
      }
    }
  }
  return table[a.length][b.length];
}

/** What `catgan prepare` writes to a folder. Readers of such a folder use the zip in it and nothing else. */
export const preparedFiles = {
  /** The pictures: PNGs, stored. */
  pictures: "pictures.zip",
  /** What was asked for, read, refused and found. It makes the folder one of these. */
  report: "prepare.json",
  contactSheet: "contact-sheet.png",
  duplicates: "duplicates.txt",
} as const;

/** @param names of the files that lie in a folder */
export const isPrepared = (names: readonly string[]) =>
  [preparedFiles.report, preparedFiles.pictures].every((name) => names.includes(name));

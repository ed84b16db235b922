/** What `catgan prepare` writes to a folder. Readers of such a folder use the zip in it and nothing else. */
export const preparedFiles = {
  /** The pictures: PNGs, stored. */
  pictures: "pictures.zip",
  /** Options, counts, refused files and duplicates. It marks the folder as a prepared one. */
  report: "prepare.json",
  contactSheet: "contact-sheet.png",
  duplicates: "duplicates.txt",
} as const;

/** @param names of the files in a folder */
export const isPrepared = (names: readonly string[]) =>
  [preparedFiles.report, preparedFiles.pictures].every((name) => names.includes(name));

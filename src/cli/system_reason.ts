import { reasonOf } from "../data/photographs.ts";

const systemReasons: Record<string, string> = {
  EACCES: "no permission to read it",
  EPERM: "no permission to read it",
  ENOENT: "it is gone",
  ELOOP: "links in a circle",
  ENAMETOOLONG: "its path is too long",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open",
};

/** One line without the file's path; the system's frequent errors in words. */
export function systemReason(error: unknown): string {
  const { code, syscall } = error as NodeJS.ErrnoException;
  const known = systemReasons[code ?? ""];
  if (known) return known;
  const reason = reasonOf(error);
  // Node's messages end with the call and the path: `EIO: i/o error, open '/photos/1.jpg'`.
  return syscall ? reason.split(`, ${syscall}`)[0] : reason;
}

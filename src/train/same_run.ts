/** Whether a checkpoint can be continued here: with this configuration, on these pictures. */
import type { Pictures } from "../data/pictures.ts";
import { mayDiffer } from "./changes.ts";
import type { CheckpointInfo } from "./checkpoint.ts";
import { type Config, configKeys } from "./config.ts";

/** @throws Error that names the first setting that differs and has affected the run's numbers */
export function checkSameRun({ config: there, step }: Pick<CheckpointInfo, "config" | "step">, here: Config): void {
  for (const key of configKeys) {
    if (there[key] !== here[key] && !mayDiffer(key, step, there, here)) {
      throw new Error(
        `checkpoint: it was trained with another configuration: it has ${key} ${there[key]}, this run has ${here[key]}`,
      );
    }
  }
}

/** How the pictures at hand compare with those that a run was trained on. */
export type PictureMatch =
  /** Pixel for pixel the same. */
  | "same pixels"
  /** The same files, decoded differently. */
  | "same files"
  /** Number and size match. The checkpoint is from a version that decoded pictures differently and kept no identity. */
  | "unknown";

/**
 * @param fingerprint of the pictures at hand
 * @throws Error when the run was trained on other pictures
 */
export function comparePictures(
  { pictures: there }: Pick<CheckpointInfo, "pictures">,
  here: Pictures,
  fingerprint: string,
): PictureMatch {
  const { count, size, identity = null } = here;
  if (there.count === count && there.size === size) {
    if (there.fingerprint === fingerprint) return "same pixels";
    if (identity !== null && there.identity === identity) return "same files";
    if (identity !== null && there.identity === null && there.source.data !== "painted") return "unknown";
  }
  const had = describe(there);
  const has = describe({ count, size, identity, fingerprint });
  throw new Error(`checkpoint: it was trained on other pictures: it has ${had}, this run has ${has}`);
}

type PictureSet = Pick<CheckpointInfo["pictures"], "count" | "size" | "identity" | "fingerprint">;

/** Includes the first digits of the identity or fingerprint, so that sets of equal number and size are distinguishable. */
function describe({ count, size, identity, fingerprint }: PictureSet): string {
  return `${count} of ${size}×${size} (${identity?.slice(0, 8) ?? fingerprint})`;
}

/** A warning about a match that is not exact; null if none is needed. */
export function matchWarning(match: PictureMatch): string | null {
  switch (match) {
    case "same pixels":
      return null;
    case "same files":
      return (
        "these are the files that the run was trained on, but another program or version decoded them: " +
        "the run continues, but not bit-exactly"
      );
    case "unknown":
      return (
        "an earlier version, which decoded pictures differently, began this run: the number and size of the pictures " +
        "match, but it cannot be checked whether they are the same files"
      );
  }
}

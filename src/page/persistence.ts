/**
 * Whether the browser keeps this page's storage when the disk fills up. The page asks for this whenever there is
 * something to keep: some browsers ask the user, others decide by how the page is used, so the answer may change.
 */
import { byId, setText } from "./dom.ts";

const words = {
  kept: "Your browser keeps these runs until you delete them or clear this site's data.",
  evictable:
    "Your browser may delete runs when disk space runs low or after a long time without a visit. Download those that you want to keep.",
  unknown: "Your browser does not say whether it keeps runs for good. Download those that you want to keep.",
} as const;

/** Asks for persistent storage, and shows the answer. Never rejects: training does not depend on it. */
export async function keepStorage(): Promise<void> {
  await show((storage) => storage.persist());
}

/** Shows the last answer. */
export async function showStorage(): Promise<void> {
  await show((storage) => storage.persisted());
}

async function show(ask: (storage: StorageManager) => Promise<boolean>): Promise<void> {
  let word: keyof typeof words = "unknown";
  try {
    word = (await ask(navigator.storage)) ? "kept" : "evictable";
  } catch (error) {
    // An older browser, or a page served without https.
    console.info("storage persistence:", error);
  }
  setText(byId("runs-kept"), words[word]);
}

/** Formats numbers for display. */

export function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}

/** At most 3 significant digits: 0.00042, 12.3, 1,430. */
export function rough(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 3 });
}

/** "40 s", "3 min 20 s", "2 h 5 min", "3 days". */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return s % 60 === 0 || s >= 600 ? `${Math.round(s / 60)} min` : `${Math.floor(s / 60)} min ${s % 60} s`;
  const minutes = Math.round(s / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.round(minutes / (24 * 60))} days`;
}

/** How long ago, in milliseconds: "just now", "5 min ago", "2 days ago". */
export function ago(ms: number): string {
  if (ms < 10_000) return "just now";
  return `${duration(ms < 3_600_000 ? Math.floor(ms / 60_000) * 60 || Math.floor(ms / 1000) : ms / 1000)} ago`;
}

export function bytes(value: number): string {
  const units = ["B", "KB", "MB", "GB"];
  let unit = 0;
  let amount = value;
  while (amount >= 1000 && unit < units.length - 1) {
    amount /= 1000;
    unit++;
  }
  return `${rough(amount)} ${units[unit]}`;
}

/** "1,200 pictures of cats.zip" */
export function picturesWord(pictures: number, label: string): string {
  return `${count(pictures)} picture${pictures === 1 ? "" : "s"} of ${label}`;
}

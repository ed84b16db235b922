/** Times on a machine that others use too. */
import { readdirSync, readFileSync } from "node:fs";

interface Ticks {
  /** Of all processors. */
  all: number;
  idle: number;
  /** Of this process and all that it has started. */
  own: number;
}

/** @returns null where the system keeps no such account */
function ticksSoFar(): Ticks | null {
  let stat: string;
  try {
    stat = readFileSync("/proc/stat", "utf8");
  } catch {
    return null;
  }
  const [user, nice, system, idle, iowait, irq, softirq, steal] = stat.split(/\s+/, 9).slice(1).map(Number);
  const processes = new Map<number, { parent: number; ticks: number }>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // What follows the command's name: state, parent, …; from the 12th on the ticks, own and of children that have ended.
      const fields = readFileSync(`/proc/${name}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ")
        .map(Number);
      const ticks = fields.slice(11, 15).reduce((sum, some) => sum + some, 0);
      processes.set(Number(name), { parent: fields[1], ticks });
    } catch {
      // It has just ended.
    }
  }
  const isOwn = (id: number): boolean => id === process.pid || (processes.has(id) && isOwn(processes.get(id)!.parent));
  let own = 0;
  for (const [id, { ticks }] of processes) if (isOwn(id)) own += ticks;
  return { all: user + nice + system + idle + iowait + irq + softirq + steal, idle: idle + iowait, own };
}

/**
 * Starts a measurement. What it returns gives, at any time, the share of the machine that was free for what is watched
 * here: 1 where nothing else runs. Seconds times this share are those that it had taken on a machine of its own.
 */
export function watchMachine(): () => number {
  const before = ticksSoFar();
  return () => {
    const after = ticksSoFar();
    if (!before || !after) return 1;
    const all = after.all - before.all;
    return all > 0 ? Math.min(1, (after.own - before.own + after.idle - before.idle) / all) : 1;
  };
}

/** `catgan verify`: checks that this machine's GPU computes what the formulas say. */
import { Stream } from "../gpu/stream.ts";
import { checks } from "../verify/checks.ts";
import { type KernelResult, verify } from "../verify/verify.ts";
import { openAdapter } from "./adapter.ts";
import { escapeLines, terminalJson } from "./terminal_text.ts";
import { UserError } from "./user_error.ts";

/** How many failed shapes are printed per kernel; the others are only counted. */
const shown = 3;

/**
 * Compares every kernel with its f64 reference and prints a table, or with `json` one object per line.
 * @param options.quick skips the random shapes
 * @param options.filter only kernels with this in their names; null = all
 * @returns the exit code: 1 on a miss
 * @throws UserError when there is no such adapter, or no kernel with such a name
 */
export async function verifyCommand(options: {
  seed: number;
  quick: boolean;
  filter: string | null;
  adapter: string;
  json: boolean;
}): Promise<number> {
  const { seed, quick, filter, json } = options;
  const kernels = checks.map(({ kernel }) => kernel);
  if (filter !== null && !kernels.some((kernel) => kernel.toLowerCase().includes(filter.toLowerCase()))) {
    throw new UserError(`--filter ${filter}: no kernel has this in its name; the kernels are ${kernels.join(", ")}`);
  }
  const gpu = await openAdapter(options.adapter);
  const print = (event: Record<string, unknown>, text: string) =>
    console.log(json ? terminalJson(event) : escapeLines(text));
  print(
    { event: "start", adapter: gpu.name, seed },
    `adapter: ${gpu.name}\nseed: ${seed}\n\n${row("kernel", "shapes", "worst ÷ allowed", "")}`,
  );
  try {
    const results = await verify(
      new Stream(gpu),
      { seed, rounds: quick ? 0 : 10, ...(filter !== null && { filter }) },
      (result) => {
        const { kernel, shapes, worst, failures } = result;
        // JSON has no Infinity: a result that is not a number at all is null.
        const event = { event: "kernel", kernel, shapes, worst: Number.isFinite(worst) ? worst : null, failures };
        print(event, describe(result));
      },
    );
    const failed = results.filter(({ failures }) => failures.length > 0).map(({ kernel }) => kernel);
    print(
      { event: "end", kernels: results.length, failed },
      failed.length === 0
        ? `\n${results.length} kernels agree with their f64 references on ${gpu.name}`
        : `\n${failed.length} of ${results.length} kernels disagree with their f64 references on ${gpu.name}`,
    );
    return failed.length === 0 ? 0 : 1;
  } finally {
    gpu.destroy();
  }
}

function row(kernel: string, shapes: string, worst: string, verdict: string): string {
  return `${kernel.padEnd(36)}${shapes.padStart(8)}${worst.padStart(18)}  ${verdict}`.trimEnd();
}

function describe({ kernel, shapes, worst, failures }: KernelResult): string {
  // Bit equality is shown as such, not as a small error.
  const ratio = worst === 0 ? "exact" : Number.isFinite(worst) ? worst.toFixed(3) : "∞";
  const lines = [row(kernel, String(shapes), ratio, failures.length === 0 ? "ok" : "FAIL")];
  for (const failure of failures.slice(0, shown)) lines.push(`  ${failure}`);
  if (failures.length > shown) lines.push(`  and ${failures.length - shown} more`);
  return lines.join("\n");
}

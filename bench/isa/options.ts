/** The command line of bench:isa. */
import { parseArgs } from "node:util";
import { UserError } from "../../src/cli/user_error.ts";
import { type Family, families } from "./families.ts";

export interface Options {
  readonly families: readonly Family[];
  readonly filter: string | null;
  readonly model: boolean;
  readonly check: boolean;
  readonly write: boolean;
  readonly json: string | null;
  readonly out: string | null;
  readonly mirror: string | null;
}

const names = families.map(({ name }) => name);

export const help = `Usage: npm run bench:isa -- [options]

Shows what Mesa's AMD compiler makes of the kernels, without a GPU: registers,
spills, shared memory, waves, the instructions of the main loop, and with
--model the rate that a model of a GPU predicts from them. bench/isa/README.md
explains the tables.

Options:
  --family LIST   GPU families, separated by commas: ${names.join(", ")}
                  (default: all; with --check ${names.at(-1)})
  --filter TEXT   Only programs whose names contain TEXT: shared, forward 8x8
  --model         Also run the model: about a second per tile
  --check         Exit with 1 if a program spills or needs too many registers
  --write         Write the tables into docs/performance.md (implies --model)
  --json FILE     Write the results to a file
  --out FOLDER    Keep statistics, disassembly, NIR and SPIR-V of every program
                  there (default: in the cache)
  --mirror URL    Debian archive for Mesa (default: the one that apt uses here)
  -h, --help      Print this help

Needs Linux on x64, a C compiler, and the first time apt-get and dpkg-deb, which
download 70 MB from Debian. Nothing is installed, and root is not needed.
`;

const options = {
  family: { type: "string" },
  filter: { type: "string" },
  model: { type: "boolean", default: false },
  check: { type: "boolean", default: false },
  write: { type: "boolean", default: false },
  json: { type: "string" },
  out: { type: "string" },
  mirror: { type: "string" },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** @returns null when help is asked for @throws a one-line UserError */
export function readOptions(args: string[]): Options | null {
  const { values } = parse(args);
  if (values.help) return null;
  const { check, write, filter = null, json = null, out = null, mirror = null } = values;
  for (const other of ["family", "filter", "check"] as const) {
    if (write && values[other])
      throw new UserError(`--write cannot be combined with --${other}: only complete tables are written`);
  }
  const list = values.family?.split(",") ?? (check ? names.slice(-1) : names);
  const chosen = list.map((name) => {
    const family = families.find((family) => family.name === name);
    if (!family) throw new UserError(`--family ${name}: expected some of ${names.join(", ")}`);
    return family;
  });
  return { families: [...new Set(chosen)], filter, model: values.model || write, check, write, json, out, mirror };
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options });
  } catch (error) {
    // The first sentence says what is wrong.
    const [what] = (error as Error).message.split(/\. |\n/);
    throw new UserError(`${what}; npm run bench:isa -- --help lists the options`);
  }
}

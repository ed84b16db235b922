/** The program: a command line in a process of its own. */
import { catgan } from "./catgan.ts";
import { followParent } from "./child_process.ts";

followParent();
// A reader of the output that goes away (`| head`) ends a training run, see StopRequest, and crashes nothing.
process.stdout.on("error", () => {});
const code = await catgan(process.argv.slice(2));
// What was printed into a pipe may still be on its way.
await new Promise((resolve) => process.stdout.write("", resolve));
process.exit(code);

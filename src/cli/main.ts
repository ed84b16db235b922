/** The program: a command line in a process of its own. */
import { catgan } from "./catgan.ts";
import { followParent } from "./child_process.ts";

followParent();
// If the reader of the output goes away (`| head`), a training run stops (see StopRequest), and nothing crashes.
process.stdout.on("error", () => {});
const code = await catgan(process.argv.slice(2));
// Output to a pipe may still be buffered.
await new Promise((resolve) => process.stdout.write("", resolve));
process.exit(code);

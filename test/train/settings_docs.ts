/** docs/settings.md, from the table of settings. */
import { presetValues } from "../../src/cli/commands/train.ts";
import { kebab } from "../../src/cli/options.ts";
import { type Config, presets, settingGroups } from "../../src/train/config.ts";
import { settings } from "../../src/train/settings.ts";
import { onOff } from "../../src/train/value_types.ts";

const columns = ["setting", "meaning", "values", Object.keys(presets).join(" / "), "change on the page", "`--resume`"];

export function settingsPage(): string {
  const tables = settingGroups.map(({ title, keys }) =>
    [
      `## ${title}\n`,
      row(columns),
      row(columns.map(() => "---")),
      ...keys.map((key) => row(cells(key).map((cell) => cell.replaceAll("|", "\\|")))),
      "",
    ].join("\n"),
  );
  return `${intro}\n${tables.join("\n")}`;
}

const intro = `# Settings

Every setting of a run, generated from [src/train/settings.ts](../src/train/settings.ts). After a change there,
\`CATGAN_RECORD=1 npx vitest run test/train/settings.test.ts\` writes this page again.

In the terminal a setting is an option of \`catgan train\`: \`--lr-d 0.0002\`, \`--flips\` or \`--no-flips\`. On the page it is a
field of the form and a parameter of the address: \`?preset=steady&lrD=0.0002\`. Values that are not given come from the
preset. In checkpoints and \`config.json\` all of them are saved.

The last two columns say when a change to a run that is open on the page takes effect, and whether \`--resume\` may change
the setting.
`;

function cells(key: keyof Config): string[] {
  const { help, type, takesEffect, toggleNeedsNewRun, resumable } = settings[key];
  return [
    kebab(key) === key ? `\`${key}\`` : `\`${key}\`, \`--${kebab(key)}\``,
    help,
    type === onOff ? "on or off" : type.expected,
    presetValues(key).join(" / "),
    toggleNeedsNewRun ? `${takesEffect}; to or from 0: new run` : takesEffect,
    resumable === "always" ? "yes" : (resumable ?? "no"),
  ];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

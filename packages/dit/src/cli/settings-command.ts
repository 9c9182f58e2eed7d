// `tessera settings`: every setting of a training, with what it takes and its value.

import { presetConfig } from '../config/presets.ts';
import { settings } from '../config/settings.ts';
import type { SettingsArguments } from './program.ts';

/**
 * Lists all settings of a training. One that the preset leaves out has no value, and its default.
 *
 * @param print writes one line to stdout
 */
export function settingsCommand(
  { preset }: SettingsArguments,
  print: (line: string) => void,
): void {
  const config = presetConfig(preset);
  const rows = settings().map(({ path, expected }) => {
    const value = path.split('.').reduce<unknown>((inner, name) => fieldOf(inner, name), config);
    return [path, value === undefined ? '' : JSON.stringify(value), expected];
  });
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column].length)));
  print(`The settings of preset ${preset}, for --set path=value and for files of --config:`);
  for (const [path, value, expected] of rows) {
    print(`  ${path.padEnd(widths[0])}  ${value.padEnd(widths[1])}  ${expected}`);
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

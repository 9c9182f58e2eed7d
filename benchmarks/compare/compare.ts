// A whole comparison: every work with every contender, and the result on disk.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isPython } from '../contenders/names.ts';
import { writeArrays } from '../works/array-files.ts';
import { makeArrays } from '../works/arrays.ts';
import { adapterNote, noteDevices } from './adapter.ts';
import { compareChecks } from './checks.ts';
import type { Options } from './arguments.ts';
import { describeMachine } from './machine.ts';
import { measure } from './measure.ts';
import { packageFolder } from './package-folder.ts';
import { newestTorch, tellApart } from './python.ts';
import { headline } from './ratios.ts';
import type { Result, Row } from './result.ts';
import { workTable } from './table.ts';

/** Installs the peers; without success they are absent, and the rest is measured all the same. */
function installPeers(): void {
  const folder = fileURLToPath(packageFolder());
  // js-pytorch's dependency on a graphics library would be compiled by its install script, in vain.
  const args = ['ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund'];
  const { status } = spawnSync('npm', args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) console.error('The peers could not be installed; what is missing is absent.');
}

/**
 * Measures everything that is asked for, prints it and writes the result. Until the run is over, what is
 * measured so far lies beside the file of the result, which is whole at any time.
 */
export async function compare(options: Options): Promise<void> {
  if (options.install) installPeers();
  const latest = fileURLToPath(new URL('results/latest.json', packageFolder()));
  const out = options.out ?? latest;
  const partial = `${out}.partial`;
  const date = new Date().toISOString();
  const machine = describeMachine();
  const pythons = tellApart(
    options.pythons.length === 0 && options.contenders.some(isPython)
      ? newestTorch(options.contenders.includes('pytorch-cuda'))
      : options.pythons,
  );
  const versions: Record<string, string> = { node: process.versions.node };
  const rows: Row[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'tessera-bench-'));
  mkdirSync(dirname(out), { recursive: true });
  const headlines: string[] = [];
  let note: string | undefined;
  console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.memoryGB} GB, ${machine.system}`);
  try {
    for (const work of options.only) {
      writeArrays(folder, work.name, makeArrays(work));
      const measured = await measure(work, { ...options, folder, pythons });
      Object.assign(versions, measured.versions);
      const checked = noteDevices(compareChecks(measured.rows), versions);
      rows.push(...checked);
      const peaks = rows.filter(({ work: name }) => name.startsWith('peak-'));
      headlines.push(...headline(checked, peaks));
      if (checked.length > 0) console.log(`\n${workTable(work, checked)}`);
      note = adapterNote({ date, versions });
      const result: Result = { date, machine, versions, rows };
      writeFileSync(partial, `${JSON.stringify(result, null, 2)}\n`);
    }
    renameSync(partial, out);
  } catch (error) {
    if (rows.length > 0) console.error(`What was measured until then is in ${partial}`);
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
  if (headlines.length > 0) console.log(`\n${headlines.join('\n')}`);
  if (note !== undefined) console.log(`\n${note}`);
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  console.log(`\n${list.join(', ')}\n${out}`);
}

/** A process that reads mangled files with every reader, and tells another how far it has come. */
import { countsOf, readMangled } from '../dit/hostile/mangled-files.ts';
import { subjects } from '../dit/hostile/subjects.ts';
import type { Progress } from './readers.ts';

/** Milliseconds between two messages. */
const PAUSE = 100;

const [files, seed] = process.argv.slice(2).map(Number);
const all = await subjects();
let [read, accepted, resident, told] = [0, 0, 0, 0];

function tell(reader: string): void {
  resident = Math.max(resident, process.memoryUsage.rss());
  told = performance.now();
  process.send?.({ reader, read, accepted, resident } satisfies Progress);
}

for (const [i, count] of countsOf(all, files).entries()) {
  const { name } = all[i];
  tell(name);
  await readMangled(all[i], count, {
    seed,
    onFile: (isAccepted) => {
      read++;
      if (isAccepted) accepted++;
      if (performance.now() - told > PAUSE) tell(name);
    },
  });
}
tell('the last reader');
process.disconnect?.();

// Downloads a training as the folder of a run, in a zip file.

import type { Engine } from '../../engine/engine.svelte.ts';
import type { trainService } from './train-service.ts';

/** Asks the engine for the files of a run, and gives them to the browser as `NAME.zip`. */
export async function saveRun(
  engine: Engine<typeof trainService>,
  training: number,
  name: string,
): Promise<void> {
  const [{ zipSync }, files] = await Promise.all([
    import('fflate'),
    engine.call('files', { training }),
  ]);
  const entries = files.map((file) => [`${name}/${file.name}`, file.bytes] as const);
  const zip = zipSync(Object.fromEntries(entries), { level: 0 });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([zip], { type: 'application/zip' }));
  link.download = `${name}.zip`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

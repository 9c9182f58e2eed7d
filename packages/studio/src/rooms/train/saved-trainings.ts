// Trainings kept in the private files of the page (OPFS), so that a reload goes on with them.

import type { TrainSettings } from './train-messages.ts';

/** What a file says of itself: the settings it was saved with, and what tells the digits from others. */
export interface SavedPlan {
  readonly trainings: readonly TrainSettings[];
  readonly digits: string;
}

const FOLDER = 'tessera-train';
const PLAN = 'plan.json';

/** The folder. Some private windows have none. */
async function folder(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(FOLDER, { create: true });
}

/** Writes a file as a whole or not at all. */
async function write(
  into: FileSystemDirectoryHandle,
  name: string,
  content: Uint8Array<ArrayBuffer> | string,
): Promise<void> {
  const file = await into.getFileHandle(name, { create: true });
  const stream = await file.createWritable();
  await stream.write(content);
  await stream.close();
}

/**
 * Saves trainings.
 *
 * @throws DOMException if the browser keeps no files here, or has no room for these
 */
export async function saveTrainings(
  plan: SavedPlan,
  states: readonly Uint8Array<ArrayBuffer>[],
): Promise<void> {
  const into = await folder();
  for (const [i, state] of states.entries()) await write(into, `${i}.safetensors`, state);
  // The plan comes last: without it the states count for nothing.
  await write(into, PLAN, JSON.stringify(plan));
}

/** The states of trainings that were saved with this plan; `null` if there are none. */
export async function savedTrainings(plan: SavedPlan): Promise<readonly Uint8Array[] | null> {
  try {
    const from = await folder();
    const text = await (await from.getFileHandle(PLAN)).getFile().then((file) => file.text());
    if (text !== JSON.stringify(plan)) return null;
    return await Promise.all(
      plan.trainings.map(async (_, i) => {
        const file = await (await from.getFileHandle(`${i}.safetensors`)).getFile();
        return new Uint8Array(await file.arrayBuffer());
      }),
    );
  } catch {
    return null; // no such files
  }
}

/** Forgets what was saved. */
export async function forgetTrainings(): Promise<void> {
  const root = await navigator.storage.getDirectory().catch(() => null);
  await root?.removeEntry(FOLDER, { recursive: true }).catch(() => {}); // there was nothing
}

// Fetches the files of a trained run that lie beside the page, as `run/…`.

import type { RunParts } from '@tessera/dit';

/** How much of the files has arrived. */
export interface Arrived {
  readonly bytes: number;
  /** `null` while the size of a file is not known. */
  readonly total: number | null;
}

/** There is no run beside the page. */
class NoRunError extends Error {
  override readonly name: string = 'NoRunError';
}

/**
 * Fetches `config.json` and the weights.
 *
 * @param base the address of the page
 * @throws NoRunError if there is no run; Error if a file of it is missing or does not arrive
 */
export async function fetchRun(
  base: string,
  signal: AbortSignal,
  onArrived: (arrived: Arrived) => void,
): Promise<RunParts> {
  const response = await fetchFile(base, 'config.json', signal);
  if (response === null) {
    throw new NoRunError('There is no trained run beside this page: run/config.json is missing.');
  }
  const config = await response.text();
  const weights = [
    await startFile(base, 'model.safetensors', signal),
    // Only runs with an autoencoder have a file of one, and loadRun says if theirs is missing.
    await startFile(base, 'autoencoder.safetensors', signal),
  ];
  const sizes = weights.flatMap((file) => (file === null ? [] : [file.size]));
  const total = sizes.some((size) => size === null)
    ? null
    : sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  let bytes = 0;
  const [model, autoencoder] = await Promise.all(
    weights.map(async (file) =>
      file?.read((more) => {
        bytes += more;
        onArrived({ bytes, total });
      }),
    ),
  );
  if (model === undefined) throw new Error('run/model.safetensors is missing beside this page.');
  return { config, model, ...(autoencoder !== undefined && { autoencoder }) };
}

/** The configuration and the autoencoder of the run beside the page; `null` if there is no run, or none with both. */
export async function fetchAutoencoder(
  base: string,
  signal: AbortSignal,
): Promise<{ readonly config: string; readonly autoencoder: Uint8Array } | null> {
  const config = await fetchFile(base, 'config.json', signal);
  const file = config === null ? null : await startFile(base, 'autoencoder.safetensors', signal);
  if (config === null || file === null) return null;
  return { config: await config.text(), autoencoder: await file.read(() => {}) };
}

/** A file on its way. */
interface ComingFile {
  readonly size: number | null;
  read(onBytes: (count: number) => void): Promise<Uint8Array>;
}

async function startFile(
  base: string,
  name: string,
  signal: AbortSignal,
): Promise<ComingFile | null> {
  const response = await fetchFile(base, name, signal);
  if (response === null) return null;
  const length = response.headers.get('content-length');
  const isPacked = response.headers.has('content-encoding');
  return {
    size: length === null || isPacked ? null : Number(length),
    read: async (onBytes) => {
      const counter = new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          onBytes(chunk.length);
          controller.enqueue(chunk);
        },
      });
      const counted = response.body?.pipeThrough(counter) ?? null;
      return new Uint8Array(await new Response(counted).arrayBuffer());
    },
  };
}

/** The response for a file of the run; `null` if there is none. Some hosts answer with a page of their own. */
async function fetchFile(
  base: string,
  name: string,
  signal: AbortSignal,
): Promise<Response | null> {
  const response = await fetch(new URL(`run/${name}`, base), { signal });
  const isPage = response.headers.get('content-type')?.startsWith('text/html') ?? false;
  if (response.status === 404 || (response.ok && isPage)) return null;
  if (response.ok) return response;
  throw new Error(`run/${name} did not arrive: the host answered ${response.status}.`);
}

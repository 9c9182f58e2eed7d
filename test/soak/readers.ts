/** Mangles many files for all readers in a process, and looks from outside whether it goes on and what memory it takes. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** How many files are mangled, and what one of them may take. */
interface ManyFiles {
  readonly files: number;
  /** Of fast-check. */
  readonly seed: number;
  /** Gets a line of progress each few seconds. */
  readonly onLine: (line: string) => void;
  /** Milliseconds without a file that is read. Default: 60 s, on a machine that is busy with other work. */
  readonly longest?: number;
  /** Bytes that the process may have resident. Default: 1 GiB. */
  readonly resident?: number;
  /** The program of the process. Default: all readers. */
  readonly program?: URL;
}

/** How far the process has come. */
export interface Progress {
  readonly reader: string;
  readonly read: number;
  readonly accepted: number;
  /** Bytes resident at the most. */
  readonly resident: number;
}

const READERS = new URL('./readers-process.ts', import.meta.url);

/** Milliseconds between two looks, and looks between two lines. */
const [LOOK, LOOKS] = [250, 20];

/** Milliseconds in which the process begins. */
const STARTING = 120_000;

/**
 * Reads the files in a process of its own.
 *
 * @throws Error if a file is read wrong (the process prints the shortest such case), for too long, or with too much memory
 */
export async function readManyMangled(many: ManyFiles): Promise<void> {
  const { files, seed, onLine, longest = 60_000, resident = 2 ** 30, program = READERS } = many;
  const child = fork(fileURLToPath(program), [String(files), String(seed)]);
  let now: Progress = { reader: 'the first reader', read: 0, accepted: 0, resident: 0 };
  // Until the process has begun, it reads nothing.
  let [looks, since] = [0, performance.now() + STARTING];
  const line = (): string =>
    `${now.read} of ${files} files, ${now.accepted} accepted, ${Math.round(now.resident / 2 ** 20)} MiB resident at the most`;
  await new Promise<void>((resolve, reject) => {
    const end = (what: string): void => {
      child.kill('SIGKILL');
      reject(new Error(`${now.reader}, after ${now.read} files: ${what}`));
    };
    const watch = setInterval(() => {
      if (performance.now() - since > longest) end(`nothing is read for ${longest} ms`);
      if (++looks % LOOKS === 0) onLine(`${now.reader}: ${line()}`);
    }, LOOK);
    child.on('message', (progress: Progress) => {
      [now, since] = [progress, performance.now()];
      if (now.resident > resident) {
        end(`${now.resident} bytes are resident, expected at most ${resident}`);
      }
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      clearInterval(watch);
      if (code === 0) resolve();
      else end(`the process ended with ${code ?? signal}`);
    });
  });
  onLine(line());
}

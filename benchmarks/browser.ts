// `npm run bench -- browser`: a training step in pages of browsers, beside the same step in Node.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../test/browser/bundle.ts';
import { findChromium, NO_CHROMIUM } from '../test/browser/chromium.ts';
import { ORDINARY, visitPages } from '../test/browser/pages.ts';
import { findFirefox, versionOf, visitInFirefox } from './browser/firefox.ts';
import { stepWork, timeSteps, type StepTimes } from './browser/steps.ts';
import { compareChecks, type CheckedRow } from './compare/checks.ts';
import { describeMachine } from './compare/machine.ts';
import { packageFolder } from './compare/package-folder.ts';
import type { Result } from './compare/result.ts';
import { workTable } from './compare/table.ts';

/** How steps are timed in browsers. */
export interface BrowserOptions {
  /** Timed steps. */
  readonly samples: number;
  /** Default `results/browser.json`. */
  readonly out?: string;
}

/** Where a step runs. */
interface Place {
  readonly name: string;
  /** Why nothing runs there; `null` if it does. */
  readonly absent: string | null;
  time(query: StepQuery): Promise<StepTimes>;
}

/** The query of the page, see step-page.ts. */
type StepQuery = Readonly<Record<'threads' | 'samples', string>>;

const THREADS = [1, 2];

/** A page that has not reported by then never will. */
const TIMEOUT_MS = 180_000;

/** What makes V8 pack pairs of vectors in every module of a page. */
const REVECTORIZE = '--js-flags=--experimental-wasm-revectorize';

function inNode(): Place {
  const time = ({ threads, samples }: StepQuery): Promise<StepTimes> =>
    timeSteps({ threads: Number(threads), samples: Number(samples), wide: false });
  return { name: 'node', absent: null, time };
}

function inChromium(site: string, name: string, flags: readonly string[], wide: boolean): Place {
  const program = findChromium();
  const time = async (query: StepQuery): Promise<StepTimes> => {
    const { step } = await visitPages(program ?? '', site, { step: ['step'] }, true, {
      flags: [...ORDINARY.flags, ...flags],
      timeoutMs: TIMEOUT_MS,
      query: { ...query, ...(wide ? { wide: '' } : {}) },
    });
    return step.outputs['step'] as StepTimes;
  };
  return { name, absent: program === null ? NO_CHROMIUM : null, time };
}

function inFirefox(folder: string): Place {
  const firefox = findFirefox();
  const time = async (query: StepQuery): Promise<StepTimes> => {
    const page = `step.html?${new URLSearchParams({ ...query, post: '' }).toString()}`;
    const visit = { firefox: firefox ?? '', folder, page, timeoutMs: TIMEOUT_MS };
    const { state, text } = JSON.parse(await visitInFirefox(visit)) as Record<string, string>;
    if (state !== 'done') throw new Error(text);
    return JSON.parse(text) as StepTimes;
  };
  const absent = 'no Firefox found: install it, or set FIREFOX_PATH';
  return { name: 'firefox', absent: firefox === null ? absent : null, time };
}

const rounded = (value: number): number => Number(value.toPrecision(5));

/** Times a place with a number of threads; a row that says why, if that is not possible. */
async function rowOf(place: Place, threads: number, samples: number): Promise<CheckedRow> {
  const work = stepWork();
  const head = { work: work.name, contender: place.name, threads, rssMB: null };
  const none = { medianMs: null, minMs: null, maxMs: null, gflops: null };
  if (place.absent !== null) {
    return { row: { ...head, ...none, note: `absent: ${place.absent}` }, check: null };
  }
  try {
    const query = { threads: String(threads), samples: String(samples) };
    const { times, check, wide, notice } = await place.time(query);
    const row = {
      ...head,
      medianMs: rounded(times.median),
      minMs: rounded(times.min),
      maxMs: rounded(times.max),
      gflops: rounded(work.flops / times.median / 1e6),
      note: [wide ? 'wide' : '', notice ?? ''].filter((part) => part !== '').join('; '),
    };
    return { row, check };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { row: { ...head, ...none, note: `failed: ${reason}` }, check: null };
  }
}

/** Versions of what the numbers depend on. */
function versions(): Record<string, string> {
  const { node, v8 } = process.versions;
  const browsers = [findChromium(), findFirefox()].flatMap((program) =>
    program === null ? [] : [/^(\D+) (\S+)/.exec(versionOf(program) ?? '')?.slice(1) ?? []],
  );
  const named = browsers.filter((parts) => parts.length === 2);
  return { node, v8, ...(Object.fromEntries(named) as Record<string, string>) };
}

/** Measures, prints and writes the result. */
export async function benchBrowser({ samples, out }: BrowserOptions): Promise<void> {
  const file = out ?? fileURLToPath(new URL('results/browser.json', packageFolder()));
  const date = new Date().toISOString();
  const site = mkdtempSync(join(tmpdir(), 'tessera-browser-'));
  try {
    const project = fileURLToPath(new URL('browser/', packageFolder()));
    await bundle(project, ['step.html'], site, ['tessera-source']);
    const places = [
      inNode(),
      inChromium(site, 'chromium', [], false),
      inChromium(site, 'chromium-revectorize', [REVECTORIZE], false),
      inChromium(site, 'chromium-revectorize-wide', [REVECTORIZE], true),
      inFirefox(site),
    ];
    const measured: CheckedRow[] = [];
    for (const place of places) {
      for (const threads of THREADS) measured.push(await rowOf(place, threads, samples));
    }
    const rows = compareChecks(measured);
    const result: Result = { date, machine: describeMachine(), versions: versions(), rows };
    writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
    console.log(workTable(stepWork(), rows, 'node'));
    const list = Object.entries(result.versions).map(([name, version]) => `${name} ${version}`);
    console.log(`\n${list.join(', ')}\n${file}`);
  } finally {
    rmSync(site, { recursive: true });
  }
}

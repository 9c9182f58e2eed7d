// Measures one work with all contenders, turn by turn.

import { setTimeout as pause } from 'node:timers/promises';
import { isPython, TRAITS, type ContenderName } from '../contenders/names.ts';
import type { BackendName } from '../contenders/contender.ts';
import type { Replies } from '../contenders/messages.ts';
import type { Work } from '../works/works.ts';
import type { CheckedRow } from './checks.ts';
import { ContenderProcess } from './contender-process.ts';
import type { TorchInstance } from './python.ts';
import { nameOf, type Row } from './result.ts';
import { WARM_UP, samplePlan, summarize, type SamplePlan } from './statistics.ts';

/** What a measurement needs beside the work. */
export interface Measurement {
  readonly contenders: readonly ContenderName[];
  readonly threads: readonly number[];
  readonly backend: BackendName;
  readonly samples: number;
  readonly timeout: number;
  /** Where the arrays of the work lie. */
  readonly folder: string;
  /** The Pythons that have torch; each is another instance of the contenders that need one. */
  readonly pythons: readonly TorchInstance[];
}

/** What came of it. */
export interface Measured {
  readonly rows: readonly CheckedRow[];
  readonly versions: Readonly<Record<string, string>>;
}

/** Rest between two contenders, in milliseconds, in which their threads fall asleep. */
const REST = 20;

/** A contender with a number of threads, in one of the Pythons if it needs one. */
interface Entrant {
  readonly name: ContenderName;
  readonly threads: number;
  /** `null` where none is needed, or there is none. */
  readonly torch: TorchInstance | null;
}

/** An entrant that is ready to run. */
interface Competitor {
  readonly entrant: Entrant;
  readonly plan: SamplePlan;
  readonly times: number[];
  failure: string | null;
  /** Takes one sample and gives its milliseconds. */
  sample(): Promise<number>;
  /** What the process says in the end. */
  finish(): Promise<Replies['finish']>;
}

/** Who takes part: the peak loops in their works, all others in the rest, as far as they have threads. */
function entrantsOf(
  work: Work,
  { contenders, threads, pythons }: Pick<Measurement, 'contenders' | 'threads' | 'pythons'>,
): Entrant[] {
  const torches = (name: ContenderName): readonly (TorchInstance | null)[] =>
    isPython(name) && pythons.length > 0 ? pythons : [null];
  return contenders
    .filter((name) => TRAITS[name].peak === (work.kind === 'peak'))
    .flatMap((name) => torches(name).map((torch) => ({ name, torch })))
    .flatMap(({ name, torch }) =>
      threads
        .filter((count) => count <= TRAITS[name].mostThreads)
        .map((count) => ({ name, threads: count, torch })),
    );
}

/** What the row of an entrant begins with. */
function headOf(
  work: Work,
  { name, threads, torch }: Entrant,
): Pick<Row, 'work' | 'contender' | 'instance' | 'threads'> {
  const instance = torch === null ? {} : { instance: torch.instance };
  return { work: work.name, contender: name, ...instance, threads };
}

function emptyRow(work: Work, entrant: Entrant, note: string): CheckedRow {
  const none = { medianMs: null, minMs: null, maxMs: null, gflops: null, rssMB: null };
  return { row: { ...headOf(work, entrant), ...none, note }, check: null };
}

const rounded = (value: number): number => Number(value.toPrecision(5));

function filledRow(work: Work, entrant: Entrant, times: readonly number[], rssMB: number): Row {
  const { median, min, max } = summarize(times);
  const flops = work.kind === 'peak' ? work.flops * entrant.threads : work.flops;
  return {
    ...headOf(work, entrant),
    medianMs: rounded(median),
    minMs: rounded(min),
    maxMs: rounded(max),
    gflops: flops === 0 || work.kind === 'start' ? null : rounded(flops / median / 1e6),
    rssMB,
    note: '',
  };
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Says how many samples there were where that is fewer than asked for. */
function withCount(row: Row, count: number, asked: number): Row {
  return count < asked ? { ...row, note: `${count} samples` } : row;
}

/**
 * Measures one work. Every contender is opened and warmed up for a second, by two runs at least; then they take turns, each
 * round begun by another one, until all have their samples.
 */
export async function measure(work: Work, measurement: Measurement): Promise<Measured> {
  const versions: Record<string, string> = {};
  const rows: CheckedRow[] = [];
  const competitors: Competitor[] = [];
  const entrants = entrantsOf(work, measurement);
  const ready = work.kind === 'start' ? readyToStart : readyToRun;
  for (const entrant of entrants) {
    const opened = await ready({ work, entrant, measurement, versions });
    if ('row' in opened) rows.push(opened);
    else competitors.push(opened);
  }
  const rounds = Math.max(0, ...competitors.map(({ plan }) => plan.samples));
  for (let turn = 0; turn < rounds * competitors.length; turn++) {
    const round = Math.floor(turn / competitors.length);
    const competitor = competitors[(round + turn) % competitors.length];
    if (competitor.failure === null && round < competitor.plan.samples) {
      await takeSample(competitor);
      await pause(REST);
    }
  }
  for (const competitor of competitors) rows.push(await finish(work, competitor, measurement));
  const place = ({ row }: CheckedRow): number =>
    entrants.findIndex((entrant) => {
      const head = headOf(work, entrant);
      return nameOf(head) === nameOf(row) && head.threads === row.threads;
    });
  return { rows: rows.sort((a, b) => place(a) - place(b)), versions };
}

/** What it takes to open an entrant. */
interface Opening {
  readonly work: Work;
  readonly entrant: Entrant;
  readonly measurement: Measurement;
  /** Receives the versions that the contender reports. */
  readonly versions: Record<string, string>;
}

/** The versions that an entrant reports, with its instance where they are those of a PyTorch. */
function versionsOf(
  reported: Readonly<Record<string, string>>,
  { torch }: Entrant,
): Readonly<Record<string, string>> {
  const { pytorch, ...others } = reported;
  if (torch === null || pytorch === undefined) return reported;
  return { ...others, [nameOf({ contender: 'pytorch', instance: torch.instance })]: pytorch };
}

/** Opens a contender's process with the work; a row instead if it cannot do it. */
async function open(opening: Opening): Promise<ContenderProcess | CheckedRow> {
  const { work, entrant, measurement, versions } = opening;
  const { timeout, folder, backend } = measurement;
  const { threads, torch } = entrant;
  if (isPython(entrant.name) && torch === null) {
    return emptyRow(work, entrant, 'absent: no python3 has torch');
  }
  const python = torch?.python ?? '';
  const child = new ContenderProcess(entrant.name, { threads, timeout, python });
  try {
    const reply = await child.ask({ type: 'open', work, folder, threads, backend });
    Object.assign(versions, versionsOf(reply.versions, entrant));
    if (reply.absent === undefined && reply.cannot === undefined) return child;
    child.kill();
    const note = reply.absent === undefined ? `cannot: ${reply.cannot}` : `absent: ${reply.absent}`;
    return emptyRow(work, entrant, note);
  } catch (error) {
    child.kill();
    return emptyRow(work, entrant, `failed: ${textOf(error)}`);
  }
}

/** Opens and warms up an entrant whose process then does all its samples. */
async function readyToRun(opening: Opening): Promise<Competitor | CheckedRow> {
  const child = await open(opening);
  if ('row' in child) return child;
  const { work, entrant, measurement } = opening;
  try {
    let ms = 0;
    const start = performance.now();
    for (let run = 0; run < WARM_UP.runs || performance.now() - start < WARM_UP.ms; run++) {
      ({ ms } = await child.ask({ type: 'run', count: 1 }));
    }
    const plan = samplePlan(ms, measurement.samples);
    return {
      entrant,
      plan,
      times: [],
      failure: null,
      sample: async () => (await child.ask({ type: 'run', count: plan.runs })).ms,
      finish: () => child.ask({ type: 'finish' }).finally(() => child.kill()),
    };
  } catch (error) {
    child.kill();
    return emptyRow(work, entrant, `failed: ${textOf(error)}`);
  }
}

/** Makes ready an entrant each of whose samples is a process of its own, up to the end of its first run. */
async function readyToStart(opening: Opening): Promise<Competitor | CheckedRow> {
  const { work, entrant, measurement } = opening;
  let last: Replies['finish'] = { check: [], rssMB: 0 };
  const sample = async (): Promise<number> => {
    const start = performance.now();
    const child = await open(opening);
    if ('row' in child) throw new Error(child.row.note);
    await child.ask({ type: 'run', count: 1 });
    const ms = performance.now() - start;
    last = await child.ask({ type: 'finish' }).finally(() => child.kill());
    return ms;
  };
  try {
    const plan = { ...samplePlan(await sample(), measurement.samples), runs: 1 };
    return {
      entrant,
      plan,
      times: [],
      failure: null,
      sample,
      finish: () => Promise.resolve(last),
    };
  } catch (error) {
    return emptyRow(work, entrant, textOf(error));
  }
}

async function takeSample(competitor: Competitor): Promise<void> {
  try {
    competitor.times.push(await competitor.sample());
  } catch (error) {
    competitor.failure = textOf(error);
  }
}

async function finish(
  work: Work,
  competitor: Competitor,
  { samples }: Measurement,
): Promise<CheckedRow> {
  const { entrant, times, failure } = competitor;
  try {
    if (failure !== null) throw new Error(failure);
    const { check, rssMB } = await competitor.finish();
    return { row: withCount(filledRow(work, entrant, times, rssMB), times.length, samples), check };
  } catch (error) {
    return emptyRow(work, entrant, `failed: ${textOf(error)}`);
  }
}

// The types of a result as it lies in the folder `results`, and how its rows are named.

/** One contender's times for one work; `null` where it has none, and the note says why. */
export interface Row {
  readonly work: string;
  readonly contender: string;
  /** Which PyTorch, where the contender is one: its version. */
  readonly instance?: string;
  readonly threads: number;
  readonly medianMs: number | null;
  readonly minMs: number | null;
  readonly maxMs: number | null;
  /** Thousand million floating point operations a second, by the median. */
  readonly gflops: number | null;
  /** The most memory that the process had resident, in MB. */
  readonly rssMB: number | null;
  /** How far check values are from the reference's, fewer samples than usual, or what went wrong. */
  readonly note: string;
}

/** The machine that it ran on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGB: number;
  readonly system: string;
}

/** Everything that a run measured. */
export interface Result {
  /** When it began, in ISO 8601. */
  readonly date: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
}

/** The contender of a row with its instance: `tessera`, `pytorch 2.13.0`. */
export function nameOf({ contender, instance }: Pick<Row, 'contender' | 'instance'>): string {
  return instance === undefined ? contender : `${contender} ${instance}`;
}

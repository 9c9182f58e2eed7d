// Shows how far a long job is: a bar on a terminal, lines elsewhere.

import cliProgress from 'cli-progress';

/** Where progress goes: `process.stderr`, or anything that can be written to. */
export interface ProgressStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
}

/** A job's view of the progress display. */
export interface Progress {
  /** Begins a stage, which ends the one before. */
  stage(name: string, totalSteps: number): void;
  /** Shows a finished step, counted from 1, with its numbers, such as `loss 0.2431`. */
  step(step: number, numbers: readonly string[]): void;
  /** Shows one line of text that stays. */
  notice(text: string): void;
  /** Ends the display; call it also when the job fails. */
  stop(): void;
}

/** Without a terminal a stage gives about this many lines. */
const LINES_A_STAGE = 20;

/** Prints seconds as people read them: `42s`, `3m05s`, `2h07m`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const pad = (n: number): string => String(n).padStart(2, '0');
  if (whole < 60) {
    return `${whole}s`;
  }
  return whole < 3600
    ? `${Math.floor(whole / 60)}m${pad(whole % 60)}s`
    : `${Math.floor(whole / 3600)}h${pad(Math.floor((whole % 3600) / 60))}m`;
}

/** The first steps take longer than others: their plans are made. So the time left is told after a few. */
const STEPS_BEFORE_ETA = 5;

/** The time that a stage has left, as text; empty as long as nobody knows. */
type Estimate = (step: number) => string;

/** Tells the time left of a stage from the steps after its first report. */
function estimate(totalSteps: number, now: () => number): Estimate {
  let first: { readonly step: number; readonly time: number } | undefined;
  return (step) => {
    first ??= { step, time: now() };
    const done = step - first.step;
    if (step === totalSteps) return 'ETA 0s';
    if (done < STEPS_BEFORE_ETA) return '';
    return `ETA ${formatSeconds((((now() - first.time) / done) * (totalSteps - step)) / 1000)}`;
  };
}

function barProgress(stream: ProgressStream, now: () => number): Progress {
  let bar: cliProgress.SingleBar | undefined;
  let eta: Estimate = () => '';
  const stop = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    stage(name, totalSteps) {
      stop();
      bar = new cliProgress.SingleBar({
        stream,
        format: '{stage} {bar} {value}/{total}{numbers}',
        barCompleteChar: '█',
        barIncompleteChar: '░',
        barsize: 16,
        linewrap: true,
        // The command says what it keeps when it is interrupted, and stops the bar itself.
        gracefulExit: false,
      });
      eta = estimate(totalSteps, now);
      bar.start(totalSteps, 0, { stage: name, numbers: '' });
    },
    step(step, numbers) {
      const parts = [...numbers, eta(step)].filter((text) => text !== '');
      bar?.update(step, { numbers: parts.map((text) => ` | ${text}`).join('') });
    },
    notice(text) {
      stream.write(bar === undefined ? `${text}\n` : `\r\u001b[2K${text}\n`);
    },
    stop,
  };
}

function lineProgress(stream: ProgressStream, now: () => number): Progress {
  let current = { name: '', totalSteps: 1, every: 1, eta: estimate(1, now) };
  return {
    stage(name, totalSteps) {
      const every = Math.max(1, Math.round(totalSteps / LINES_A_STAGE));
      current = { name, totalSteps, every, eta: estimate(totalSteps, now) };
    },
    step(step, numbers) {
      const { name, totalSteps, every, eta } = current;
      const left = eta(step);
      if (step !== 1 && step !== totalSteps && step % every !== 0) {
        return;
      }
      const parts = [`${name} ${step}/${totalSteps}`, ...numbers, left];
      stream.write(`${parts.filter((text) => text !== '').join(' | ')}\n`);
    },
    notice(text) {
      stream.write(`${text}\n`);
    },
    stop() {
      current = { ...current, name: '' };
    },
  };
}

/**
 * Makes a progress display: a bar with the step, its numbers and the time left on a terminal; about
 * twenty plain lines a stage otherwise, so that a log file stays readable. The time left is shown after a
 * few steps.
 *
 * @param stream where it goes. Default: stderr, so that stdout stays free for results
 * @param now a clock in milliseconds
 */
export function createProgress(
  stream: ProgressStream = process.stderr,
  now: () => number = () => performance.now(),
): Progress {
  return stream.isTTY === true ? barProgress(stream, now) : lineProgress(stream, now);
}

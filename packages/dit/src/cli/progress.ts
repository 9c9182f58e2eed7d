/** Shows how far a long job is: a bar on a terminal, now and then a line anywhere else. */

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

function barProgress(stream: ProgressStream): Progress {
  let bar: cliProgress.SingleBar | undefined;
  const stop = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    stage(name, totalSteps) {
      stop();
      bar = new cliProgress.SingleBar({
        stream,
        format: '{stage} {bar} {value}/{total} | {numbers}ETA {eta_formatted}',
        formatTime: (seconds) => formatSeconds(seconds),
        barCompleteChar: '█',
        barIncompleteChar: '░',
        barsize: 16,
        etaBuffer: 50,
        linewrap: true,
      });
      bar.start(totalSteps, 0, { stage: name, numbers: '' });
    },
    step(step, numbers) {
      bar?.update(step, { numbers: numbers.map((text) => `${text} | `).join('') });
    },
    notice(text) {
      stream.write(bar === undefined ? `${text}\n` : `\r\u001b[2K${text}\n`);
    },
    stop,
  };
}

function lineProgress(stream: ProgressStream, now: () => number): Progress {
  let current = { name: '', totalSteps: 1, every: 1, start: 0 };
  return {
    stage(name, totalSteps) {
      const every = Math.max(1, Math.round(totalSteps / LINES_A_STAGE));
      current = { name, totalSteps, every, start: now() };
    },
    step(step, numbers) {
      const { name, totalSteps, every, start } = current;
      if (step !== 1 && step !== totalSteps && step % every !== 0) {
        return;
      }
      const eta = (((now() - start) / step) * (totalSteps - step)) / 1000;
      const parts = [`${name} ${step}/${totalSteps}`, ...numbers, `ETA ${formatSeconds(eta)}`];
      stream.write(`${parts.join(' | ')}\n`);
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
 * twenty plain lines a stage otherwise, so that a log file stays readable.
 *
 * @param stream where it goes. Default: stderr, so that stdout stays free for results
 * @param now a clock in milliseconds, for the lines
 */
export function createProgress(
  stream: ProgressStream = process.stderr,
  now: () => number = () => performance.now(),
): Progress {
  return stream.isTTY === true ? barProgress(stream) : lineProgress(stream, now);
}

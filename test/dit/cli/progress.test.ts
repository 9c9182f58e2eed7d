import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { createProgress, formatSeconds } from '../../../packages/dit/src/cli/progress.ts';

/** A stream that remembers what was written, as a terminal or not. */
function recorder(isTTY: boolean): {
  stream: PassThrough & { isTTY: boolean };
  text: () => string;
} {
  const stream = Object.assign(new PassThrough(), { isTTY });
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return { stream, text: () => text };
}

describe('without a terminal', () => {
  test('a stage gives its first and last step and about twenty lines', () => {
    const { stream, text } = recorder(false);
    let clock = 0;
    const progress = createProgress(stream, () => clock);
    progress.stage('diffusion', 200);
    for (let step = 1; step <= 200; step++) {
      clock += 500;
      progress.step(step, [`loss ${(1 / step).toFixed(4)}`, '64 images/s']);
    }
    progress.stop();
    const lines = text().trimEnd().split('\n');
    expect(lines.length).toBe(21);
    expect(lines[0]).toBe('diffusion 1/200 | loss 1.0000 | 64 images/s');
    expect(lines[1]).toBe('diffusion 10/200 | loss 0.1000 | 64 images/s | ETA 1m35s');
    expect(lines[20]).toBe('diffusion 200/200 | loss 0.0050 | 64 images/s | ETA 0s');
  });

  test('short stages show every step, and notices stand between', () => {
    const { stream, text } = recorder(false);
    const progress = createProgress(stream, () => 0);
    progress.notice('before');
    progress.stage('a', 2);
    progress.step(1, []);
    progress.notice('between');
    progress.step(2, []);
    progress.stage('b', 1);
    progress.step(1, []);
    progress.stop();
    expect(text()).toBe('before\na 1/2\nbetween\na 2/2 | ETA 0s\nb 1/1 | ETA 0s\n');
  });
});

describe('on a terminal', () => {
  test('a bar shows the stage, the step, its numbers and the time left', () => {
    const { stream, text } = recorder(true);
    const progress = createProgress(stream);
    progress.stage('autoencoder', 4);
    progress.step(1, ['loss 0.5000', '10 images/s']);
    progress.notice('a picture has been written');
    progress.step(4, ['loss 0.2500', '10 images/s']);
    progress.stop();
    expect(text()).toContain('autoencoder ');
    expect(text()).toContain('4/4 | loss 0.2500 | 10 images/s | ETA 0s');
    expect(text()).toContain('████████████████');
    expect(text()).toContain('\r\u001b[2Ka picture has been written\n');
    expect(text().endsWith('\n')).toBe(true);
  });

  test('stopping twice, or before anything began, is fine', () => {
    const { stream, text } = recorder(true);
    const progress = createProgress(stream);
    progress.stop();
    progress.notice('done');
    progress.stop();
    expect(text()).toBe('done\n');
  });
});

test('times read as people say them', () => {
  const times = [-5, 0, 0.4, 59.4, 59.6, 61, 3599.4, 3600, 7625, 360_000];
  expect(times.map((seconds) => formatSeconds(seconds))).toEqual([
    '0s',
    '0s',
    '0s',
    '59s',
    '1m00s',
    '1m01s',
    '59m59s',
    '1h00m',
    '2h07m',
    '100h00m',
  ]);
});

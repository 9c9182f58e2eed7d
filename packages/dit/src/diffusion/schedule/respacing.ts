// Which timesteps a sampler visits when it takes fewer steps than the training had.

import { kindOf, ValueError } from '@tessera/tensor';
import { checkWhole } from '../../config/argument-check.ts';

/**
 * Which timesteps of a process to keep, in ascending order.
 *
 * - `''`: all of them.
 * - `50` or `'50'`: 50 of them, evenly spaced from the first to the last. Fractions round to the nearest
 *   timestep, halves to the even one.
 * - `'10,15,20'`: the process is cut into three sections of equal length. They keep 10, 15 and 20.
 * - `'ddim25'`: 25 of them at a whole stride, as in the DDIM paper.
 * - `'even50'`: 50 of them, `i · (T − 1)/(N − 1)` rounded, halves up. `50` adds its stride up, which rounds
 *   some of them to a neighbour. A single one is the last timestep, where `1` keeps the first.
 * - `'trailing50'`: 50 of them, from the last down at stride T/N. The first is then as far from the data
 *   as the others are from each other.
 *
 * Sources: Nichol & Dhariwal 2021, "Improved denoising diffusion probabilistic models", section 4; Lin et
 * al. 2024, "Common diffusion noise schedules and sample steps are flawed", section 3.3 (`trailing`).
 *
 * @throws ValueError if the text is none of these, a section is shorter than its count, or no whole
 *   stride gives the number that `'ddimN'` asks for.
 * @example
 * respaceTimesteps(1000, 5); // [0, 250, 500, 749, 999]
 * respaceTimesteps(1000, 'even5'); // [0, 250, 500, 749, 999]
 * respaceTimesteps(1000, 'trailing5'); // [199, 399, 599, 799, 999]
 */
export function respaceTimesteps(timesteps: number, respacing: string | number): Int32Array {
  checkWhole('respaceTimesteps', 'timesteps', timesteps, 1);
  const text = typeof respacing === 'string' ? respacing.trim() : kindOf(respacing);
  if (text === '') return Int32Array.from({ length: timesteps }, (_, s) => s);
  const [, spacing, count] = /^(ddim|even|trailing)(\d+)$/.exec(text) ?? [];
  if (spacing === 'ddim') return wholeStride(timesteps, Number(count));
  if (spacing === 'even') return evenly(timesteps, Number(count));
  if (spacing === 'trailing') return trailing(timesteps, Number(count));
  if (!/^\s*\d+\s*(,\s*\d+\s*)*$/.test(text)) {
    throw new ValueError(
      'respaceTimesteps',
      `'${text}' is no respacing. Write '50', '10,15,20', 'ddim25', 'even50', 'trailing50', or '' for all timesteps.`,
    );
  }
  return sections(timesteps, text.split(',').map(Number));
}

function wholeStride(timesteps: number, count: number): Int32Array {
  for (let stride = 1; stride < timesteps; stride++) {
    if (Math.ceil(timesteps / stride) !== count) continue;
    return Int32Array.from({ length: count }, (_, i) => i * stride);
  }
  throw new ValueError(
    'respaceTimesteps',
    `no whole stride makes ${count} of ${timesteps} timesteps. Use '${count}' for a fractional stride.`,
  );
}

function evenly(timesteps: number, count: number): Int32Array {
  checkCount(timesteps, count);
  const [last, gaps] = [timesteps - 1, count - 1];
  if (gaps === 0) return Int32Array.of(last);
  return Int32Array.from({ length: count }, (_, i) => Math.round((i * last) / gaps));
}

function trailing(timesteps: number, count: number): Int32Array {
  checkCount(timesteps, count);
  return Int32Array.from(
    { length: count },
    (_, i) => roundHalfEven(((i + 1) * timesteps) / count) - 1,
  );
}

function checkCount(timesteps: number, count: number): void {
  if (count >= 1 && count <= timesteps) return;
  throw new ValueError('respaceTimesteps', `${count} of ${timesteps} timesteps cannot be kept.`);
}

function sections(timesteps: number, counts: readonly number[]): Int32Array {
  const base = Math.floor(timesteps / counts.length);
  const extra = timesteps % counts.length;
  const kept: number[] = [];
  let start = 0;
  counts.forEach((count, i) => {
    const size = base + (i < extra ? 1 : 0);
    if (count > size) {
      throw new ValueError(
        'respaceTimesteps',
        `section ${i + 1} has ${size} timesteps, so it cannot keep ${count}.`,
      );
    }
    const stride = count <= 1 ? 1 : (size - 1) / (count - 1);
    // The stride is added, not multiplied: so ties round as in the official code.
    let at = 0;
    for (let n = 0; n < count; n++) {
      kept.push(start + roundHalfEven(at));
      at += stride;
    }
    start += size;
  });
  if (kept.length === 0) {
    throw new ValueError('respaceTimesteps', `'${counts.join(',')}' keeps no timestep at all.`);
  }
  return Int32Array.from(kept);
}

/** Rounds to the nearest whole number; halves go to the even one. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

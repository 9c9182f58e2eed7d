// Which timesteps a sampler visits when it takes fewer steps than the training had.

import { ValueError } from '@tessera/tensor';

/**
 * Which timesteps of a process to keep, in ascending order.
 *
 * - `''`: all of them.
 * - a number or `'50'`: as many, evenly spaced from the first to the last (fractions round half to even).
 * - `'10,15,20'`: the process is cut in sections of equal length, and each keeps as many.
 * - `'ddim25'`: as many with a whole stride, as the DDIM paper has it.
 *
 * Source: Nichol & Dhariwal 2021, "Improved denoising diffusion probabilistic models", section 4.
 *
 * @throws ValueError if the text is none of these, a section is shorter than its count, or no whole
 *   stride gives the number that `'ddimN'` asks for.
 * @example
 * respaceTimesteps(1000, 5); // [0, 250, 500, 749, 999]
 */
export function respaceTimesteps(timesteps: number, respacing: string | number): Int32Array {
  if (!Number.isSafeInteger(timesteps) || timesteps < 1) {
    throw new ValueError(
      'respaceTimesteps',
      `timesteps must be a whole number of at least 1, but is ${timesteps}.`,
    );
  }
  const text = String(respacing).trim();
  if (text === '') return Int32Array.from({ length: timesteps }, (_, s) => s);
  const ddim = /^ddim(\d+)$/.exec(text);
  if (ddim !== null) return wholeStride(timesteps, Number(ddim[1]));
  if (!/^\s*\d+\s*(,\s*\d+\s*)*$/.test(text)) {
    throw new ValueError(
      'respaceTimesteps',
      `'${text}' is no respacing. Write '50', '10,15,20', 'ddim25', or '' for all timesteps.`,
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
    // Added up step by step and not multiplied, so that ties round as in the official code.
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

/** To the nearest whole number; halves go to the even one. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

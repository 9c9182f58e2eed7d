// What is chosen of a compiled function, and what of the other stages belongs to it.

import type { CompiledFacts } from '../../../code/code-messages.ts';

/** The stages of the compiler, in their order. */
export type Stage = 'traced' | 'simplified' | 'kernels';

/** Numbers of lines of each stage. */
export type Picked = Readonly<Record<Stage, readonly number[]>> & {
  /** The stage in which the choice was made. */
  readonly stage: Stage;
};

const LETTERS = { t: 'traced', s: 'simplified', k: 'kernels' } as const;

/** The text of a choice in the address: `k3`. */
export function pickText(stage: Stage, line: number): string {
  return `${stage[0]}${line}`;
}

/** What a choice chooses, in all stages. A text that names nothing chooses the first kernel. */
export function pickedOf(text: string, { traced, simplified, kernels }: CompiledFacts): Picked {
  const [, letter = 'k', digits = '0'] = /^([tsk])(\d+)$/.exec(text) ?? [];
  const stage = LETTERS[letter as keyof typeof LETTERS];
  const line = Math.min(Number(digits), { traced, simplified, kernels }[stage].length - 1);
  if (stage === 'traced') {
    const { becomes } = traced[line];
    const inside = new Set(becomes.flatMap((i) => simplified[i].becomes));
    return { stage, traced: [line], simplified: becomes, kernels: [...inside] };
  }
  const chosen = stage === 'simplified' ? [line] : (kernels[line]?.instructions ?? []);
  const isChosen = new Set(chosen);
  const origins = traced.flatMap(({ becomes }, i) =>
    becomes.some((each) => isChosen.has(each)) ? [i] : [],
  );
  const inside = stage === 'simplified' ? simplified[line].becomes : line < 0 ? [] : [line];
  return { stage, traced: origins, simplified: chosen, kernels: inside };
}

/** A colour for each kernel, far from that of its neighbours. */
export function colourOf(kernel: number): string {
  return `hsl(${Math.round(kernel * 137.5) % 360} 65% 50%)`;
}

// The exercises of the whole tour, and how a terminal shows them.

import { block } from './chapters/block.ts';
import { fuse } from './chapters/fuse.ts';
import { graph } from './chapters/graph.ts';
import { memory } from './chapters/memory.ts';
import { secondOrder } from './chapters/second-order.ts';
import { tensors } from './chapters/tensors.ts';
import { trace } from './chapters/trace.ts';
import { views } from './chapters/views.ts';
import { vjp } from './chapters/vjp.ts';
import { webassembly } from './chapters/webassembly.ts';
import type { Chapter } from './exercise.ts';

/** The chapters in order: chapter n is at index n − 1. */
export const tour: readonly Chapter[] = [
  tensors,
  views,
  graph,
  vjp,
  secondOrder,
  trace,
  fuse,
  memory,
  webassembly,
  block,
];

/** The name of the file in which a learner answers chapter n. */
export function answerFileName(n: number): string {
  return `learn-${n}.mjs`;
}

/** The file of a chapter with a task and a stub for each exercise, in lines of at most 100 characters. */
export function answerFileText(n: number): string {
  const { title, imports, exercises } = tour[n - 1];
  const parts = exercises.map(
    ({ task, stub }, i) => `${wrap(`${i + 1}. ${task}`, '// ')}\n${stub}\n`,
  );
  const head = [
    `// Chapter ${n}, ${title}. Write your answers, then run: npx tessera learn ${n}`,
    ...imports,
  ];
  return `${head.join('\n')}\n\n${parts.join('\n')}`;
}

/** The section of exercises at the end of chapter n, in Markdown. */
export function exercisesMarkdown(n: number): string {
  const items = tour[n - 1].exercises.map(
    ({ name, task }, i) => `${i + 1}. **\`${name}\`** ${task}`,
  );
  const how = `\`npx tessera learn ${n}\` writes \`${answerFileName(n)}\` with a place for each answer; run again, it checks what you wrote, and \`--hints\` adds a hint to each answer that does not pass.`;
  return `## Exercises\n\n${how}\n\n${items.join('\n')}\n`;
}

/** A paragraph in lines of at most 100 characters, each with a prefix. */
export function wrap(text: string, prefix: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const longer = `${lines[lines.length - 1]} ${word}`.trimStart();
    if (longer.length + prefix.length <= 100) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.map((line) => prefix + line).join('\n');
}

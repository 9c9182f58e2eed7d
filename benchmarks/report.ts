// `npm run bench:report`: writes the page of results from the measured numbers.

/**
 * `npm run bench:report`: writes the tables of results/latest.json and results/gpu.json into the README
 * beside this file.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { GPU_MARKERS, insertResult, MARKERS, renderResult } from './compare/report.ts';
import type { Result } from './compare/result.ts';

const readme = fileURLToPath(new URL('README.md', import.meta.url));
const results = [
  { file: 'latest.json', markers: MARKERS, command: 'npm run bench:peers' },
  { file: 'gpu.json', markers: GPU_MARKERS, command: 'npm run bench -- gpu' },
];

for (const { file, markers, command } of results) {
  const path = fileURLToPath(new URL(`results/${file}`, import.meta.url));
  if (existsSync(path)) {
    const rendered = renderResult(JSON.parse(readFileSync(path, 'utf8')) as Result);
    writeFileSync(readme, insertResult(readFileSync(readme, 'utf8'), rendered, markers));
  } else {
    console.error(`error: there is no result ${file} yet. Run ${command} first.`);
    process.exitCode = 2;
  }
}

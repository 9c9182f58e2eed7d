// `npm run bench:report`: writes the page of results from the measured numbers.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { resultsPage } from './compare/report.ts';
import type { Result } from './compare/result.ts';

const folder = fileURLToPath(new URL('results/', import.meta.url));

function read(file: string): Result | null {
  const path = `${folder}${file}`;
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Result) : null;
}

writeFileSync(
  `${folder}README.md`,
  resultsPage({ peers: read('latest.json'), gpu: read('gpu.json'), browser: read('browser.json') }),
);

/** `npm run bench:report`: writes the tables of results/latest.json into the README beside this file. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { insertResult, renderResult } from './compare/report.ts';
import type { Result } from './compare/result.ts';

const result = fileURLToPath(new URL('results/latest.json', import.meta.url));
const readme = fileURLToPath(new URL('README.md', import.meta.url));

if (existsSync(result)) {
  const rendered = renderResult(JSON.parse(readFileSync(result, 'utf8')) as Result);
  writeFileSync(readme, insertResult(readFileSync(readme, 'utf8'), rendered));
} else {
  console.error('error: there is no result yet. Run npm run bench:peers first.');
  process.exitCode = 2;
}

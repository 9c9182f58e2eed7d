// Checks the format of the Python programs with black, where there is one; in CI there has to be.

import { spawnSync } from 'node:child_process';

const folders = ['packages/dit/python', 'test/dit/torch', 'benchmarks/scaling'];
const { error, status } = spawnSync('black', ['--check', '--quiet', ...folders], {
  stdio: 'inherit',
});
const { CI = '' } = process.env;

if (error === undefined) {
  if (status !== 0) console.error(`Not formatted: run black ${folders.join(' ')}`);
  process.exitCode = status ?? 1;
} else if (CI !== '' && CI !== 'false') {
  console.error('There is no black, and with CI set its check may not be skipped.');
  process.exitCode = 1;
} else {
  console.warn('Skipped: there is no black (on Debian: apt-get install black).');
}

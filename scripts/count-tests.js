// Prints which tests failed, and how many passed and failed, from the JSON report of vitest.

/**
 * Prints `tests: N passed, N failed` from the JSON report of vitest: `node count-tests.js REPORT [WHICH]`.
 * With words in WHICH, they stand before the colon instead of `tests`. Before that line it prints each failed
 * test with its file and the beginning of its message.
 * A test file that fails to load counts as one failed test, and so does a missing report.
 */
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

/** @typedef {{ status: string, fullName: string, failureMessages: string[] }} Test */
/** @typedef {{ name: string, status: string, message: string, assertionResults: Test[] }} TestFile */

const [path, which = 'tests'] = process.argv.slice(2);
const unreadable = {
  testResults: [
    { name: path, status: 'failed', message: 'no report was written', assertionResults: [] },
  ],
};
const report = /** @type {{ testResults: TestFile[] }} */ (
  existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : unreadable
);

/** How many lines of a message are printed. */
const MESSAGE_LINES = 12;

let passed = 0;
let failed = 0;
for (const file of report.testResults) {
  const failures = file.assertionResults.filter(({ status }) => status === 'failed');
  passed += file.assertionResults.filter(({ status }) => status === 'passed').length;
  failed += file.status === 'failed' ? Math.max(failures.length, 1) : failures.length;
  for (const { fullName, failureMessages } of failures) {
    printFailure(file, fullName, failureMessages.join('\n'));
  }
  if (file.status === 'failed' && failures.length === 0) {
    printFailure(file, 'the file itself', file.message);
  }
}
console.log(`${which}: ${passed} passed, ${failed} failed`);

/**
 * Prints a failed test, and the first lines of what it said.
 *
 * @param {TestFile} file
 * @param {string} name
 * @param {string} message
 */
function printFailure(file, name, message) {
  console.log(`failed: ${relative('.', file.name)}: ${name}`);
  for (const line of message.split('\n').slice(0, MESSAGE_LINES)) {
    console.log(`    ${line}`);
  }
}

// Prints how many tests passed and failed, from the JSON report of vitest.

/**
 * Prints `tests: N passed, N failed` from the JSON report of vitest: `node count-tests.js REPORT [WHICH]`.
 * With words in WHICH, they stand before the colon instead of `tests`.
 * A test file that fails to load counts as one failed test, and so does a missing report.
 */
import { existsSync, readFileSync } from 'node:fs';

/** @typedef {{ status: string, assertionResults: { status: string }[] }} TestFile */

const [path, which = 'tests'] = process.argv.slice(2);
const unreadable = { testResults: [{ status: 'failed', assertionResults: [] }] };
const report = /** @type {{ testResults: TestFile[] }} */ (
  existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : unreadable
);

let passed = 0;
let failed = 0;
for (const file of report.testResults) {
  const failures = file.assertionResults.filter(({ status }) => status === 'failed').length;
  passed += file.assertionResults.filter(({ status }) => status === 'passed').length;
  failed += file.status === 'failed' ? Math.max(failures, 1) : failures;
}
console.log(`${which}: ${passed} passed, ${failed} failed`);

import { wasmBackend } from '@tessera/tensor';
import { report } from '../program/report.ts';
import { runLargePlan } from './large-plan.ts';

/** The error of a plan that must be one module. */
function refusal(): string {
  try {
    runLargePlan(wasmBackend({ moduleBytes: Infinity }), true);
    return 'none';
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

/** What there is to know about the plan in a page. */
function result(): Promise<unknown> {
  return new Promise((resolve) => {
    resolve({ whole: refusal(), values: runLargePlan(wasmBackend(), true) });
  });
}

await report('page', result());

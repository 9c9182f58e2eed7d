/** What the command and its page tell each other. */
import * as v from 'valibot';
import { SECTIONS, type CaseResult } from '../golden-case.ts';

/** What a page is asked to do, in the query of its address. */
export const taskSchema = v.object({
  gpu: v.picklist(['webgl2', 'webgpu']),
  section: v.picklist(SECTIONS),
  mode: v.picklist(['eager', 'compiled']),
});

/** What a page is asked to do. */
export type PageTask = v.InferOutput<typeof taskSchema>;

/** Where a page finds a file of the folder: the path of its address. */
export function filePath(file: string): string {
  return `/golden/${encodeURIComponent(file)}`;
}

/** Results as they leave the page: a deviation is a text, since JSON has no infinity. */
type SentResult = Omit<CaseResult, 'worst'> & { readonly worst: string | null };

/** Makes JSON of results. */
export function sendResults(results: readonly CaseResult[]): SentResult[] {
  return results.map((result) => ({
    ...result,
    worst: result.worst === null ? null : String(result.worst),
  }));
}

/** Results out of what {@link sendResults} made of them. */
export const resultsSchema = v.array(
  v.object({
    id: v.string(),
    group: v.string(),
    status: v.picklist(['passed', 'failed']),
    worst: v.nullable(v.pipe(v.string(), v.transform(Number))),
    problems: v.array(v.string()),
  }),
);

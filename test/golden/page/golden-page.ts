/** One section of golden data on a GPU mode of the browser; the query of the address says which. */
import { setDefaultBackend } from '@tessera/tensor';
import { gpuBackend } from '@tessera/tensor/gpu';
import * as v from 'valibot';
import { report } from '../../browser/program/report.ts';
import { runCases } from '../golden-case.ts';
import { GoldenFolder } from '../golden-folder.ts';
import { sectionCases } from '../sections.ts';
import { filePath, sendResults, taskSchema } from './exchange.ts';

async function fetchFile(file: string): Promise<Uint8Array> {
  const response = await fetch(filePath(file));
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function runTask(): Promise<ReturnType<typeof sendResults>> {
  const query = Object.fromEntries(new URLSearchParams(location.search));
  const { gpu, section, mode } = v.parse(taskSchema, query);
  const folder = new GoldenFolder({ locate: filePath, read: fetchFile });
  const cases = await sectionCases(section, folder, mode);
  const backend = await gpuBackend({ mode: gpu });
  setDefaultBackend(backend);
  try {
    return sendResults(await runCases(cases));
  } finally {
    await backend.dispose();
  }
}

await report('results', runTask());

// Describes the machine of a run: processor, cores, memory and system.

import { cpus, release, totalmem, type } from 'node:os';
import type { Machine } from './result.ts';

/** This machine. */
export function describeMachine(): Machine {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memoryGB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
  };
}

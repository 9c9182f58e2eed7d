// The settings in which two runs differ, by their paths.

import type { TrainConfig } from '../config/config.ts';
import { leavesByPath } from './leaves.ts';

/** A setting of which two runs have other values. */
export interface Difference {
  readonly path: string;
  /** Each value in JSON; empty where it is left out. */
  readonly values: readonly [own: string, other: string];
}

/** All settings that differ, in the order of the first configuration. */
export function configDifferences(own: TrainConfig, other: TrainConfig): readonly Difference[] {
  const [ours, theirs] = [settingsOf(own), settingsOf(other)];
  const paths = new Set([...ours.keys(), ...theirs.keys()]);
  return [...paths].flatMap((path): Difference[] => {
    const values = [ours.get(path) ?? '', theirs.get(path) ?? ''] as const;
    return values[0] === values[1] ? [] : [{ path, values }];
  });
}

/** The values of a configuration in JSON, by path. Lists are values. */
function settingsOf(config: object): ReadonlyMap<string, string> {
  const settings = leavesByPath(config, Array.isArray).filter(([, value]) => value !== undefined);
  return new Map(settings.map(([path, value]) => [path, JSON.stringify(value)]));
}

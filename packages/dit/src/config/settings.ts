// Every setting of a configuration by its path, such as `model.depth`: what it takes, and how one is set.

import { excerpt, ValueError } from '@tessera/tensor';
import * as v from 'valibot';
import { parseTrainConfig, trainSchema, type TrainConfig } from './config.ts';
import { nearestName } from './nearest.ts';
import { fieldsOf, insideOptional } from './schema.ts';

/** One setting of a configuration. */
export interface Setting {
  /** Names joined by dots: `model.depth`. */
  readonly path: string;
  /** What it takes, such as `a whole number from 1 to 1000`. */
  readonly expected: string;
  /** Whether it may be left out. */
  readonly optional: boolean;
}

/** A setting with its schema. */
interface Known extends Setting {
  readonly schema: object;
}

/** Fields that have a flag of their own, or follow from the data, or are measured. */
const NOT_SET: ReadonlySet<string> = new Set(['preset', 'codec', 'latentScale']);

/** Longest value that an error shows. */
const LONGEST = 60;

/**
 * All settings of a run, in the order of `config.json`. The schemas say what there is, so a new field is a new
 * setting.
 */
export function settings(): readonly Setting[] {
  return known().map(({ path, expected, optional }) => ({ path, expected, optional }));
}

/**
 * A configuration with some settings changed, each written as `path=value`. A text stands as it is, everything
 * else in JSON; a list may be written without brackets (`autoencoder.channels=8,16,16`). An item of a list has its
 * number in the path, from 0 (`model.conditions.0.dropoutProb=0.5`). `null` leaves out what may be left out. Settings
 * of one path replace each other.
 *
 * @param changes in their order
 * @throws ValueError for a path that is none, with the nearest one, and for a value of the wrong type or
 *   range; FormatError if the settings do not go together
 */
export function withSettings(config: TrainConfig, changes: readonly string[]): TrainConfig {
  if (changes.length === 0) return config;
  const changed = changes.reduce((root: object, change) => withSetting(root, change), config);
  return parseTrainConfig(changed, changes.map((change) => `--set ${change}`).join(' '));
}

function withSetting(root: object, change: string): object {
  const [, path, text] = /^([^=]+)=(.*)$/s.exec(change) ?? [];
  if (path === undefined) {
    const given = excerpt(change, LONGEST);
    throw new ValueError('train', `--set ${given}: expected path=value, such as model.depth=8.`);
  }
  const all = known();
  const setting = all.find((each) => each.path === path) ?? settingOfItem(root, path, all);
  if (setting === undefined) throw noSuchSetting(path, all);
  const [group] = path.split('.');
  if (group !== path && Reflect.get(root, group) === undefined) {
    throw new ValueError(
      'train',
      `--set ${path}: this run has no ${group}, so there is nothing to set. Leave it out.`,
    );
  }
  return replaced(root, path.split('.'), valueOf(setting, text));
}

/**
 * The setting of an item of a list, or of a field of an item; `undefined` if the path does not lead into a list. The
 * list itself must stand in the configuration.
 *
 * @throws ValueError if the list has no such item, or the item no such field
 */
function settingOfItem(root: object, path: string, all: readonly Known[]): Known | undefined {
  const list = all.find((each) => path.startsWith(`${each.path}.`) && isList(each.schema));
  if (list === undefined) return undefined;
  const names = list.path.split('.');
  const items = names.reduce<unknown>((inner, name) => fieldOf(inner, name), root);
  const [place, ...rest] = path.slice(list.path.length + 1).split('.');
  const count = Array.isArray(items) ? items.length : 0;
  if (!/^\d{1,9}$/.test(place) || Number(place) >= count) {
    throw new ValueError(
      'train',
      `--set ${excerpt(path, LONGEST)}: ${list.path} has ${count === 1 ? '1 item' : `${count} items`} in this run${count === 0 ? '' : `, numbered from 0 to ${count - 1}`}.`,
    );
  }
  const own = `${list.path}.${place}`;
  const schema = itemSchema(list.schema, Number(place), fieldOf(items, place));
  if (rest.length === 0) return { path: own, expected: describe(schema), optional: false, schema };
  const fields = known(schema, own);
  const found = fields.find((each) => each.path === path) ?? settingOfItem(root, path, fields);
  if (found === undefined) throw noSuchSetting(path, fields);
  return found;
}

/** Whether a schema takes a list. */
function isList(schema: object): boolean {
  return ['array', 'strict_tuple'].includes(links(schema as Link)[0].type);
}

/** The schema of an item of a list. Of several kinds it is that of the kind which the item has. */
function itemSchema(list: object, place: number, item: unknown): object {
  const [{ item: each, items }] = links(list as Link);
  const schema = each ?? items?.[place] ?? {};
  const [{ type, key = '', options = [] }] = links(schema as Link);
  if (type !== 'variant') return schema;
  const isOwn = (option: object): boolean =>
    fieldOf(fieldsOf(option)?.[key], 'literal') === fieldOf(item, key);
  return (
    options.filter((option) => typeof option === 'object' && option !== null).find(isOwn) ?? {}
  );
}

/** A field of an object, or an item of a list; `undefined` if there is none. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** The error for a path that is no setting, with the nearest one or those of a group. */
function noSuchSetting(path: string, all: readonly Known[]): ValueError {
  const names = all.map((each) => each.path);
  const inside = names.find((name) => name.startsWith(`${path}.`));
  const nearest = nearestName(path, names);
  const meant = nearest === undefined ? '' : ` Did you mean ${nearest}?`;
  const hint = inside === undefined ? meant : ` It has settings such as ${inside}.`;
  return new ValueError(
    'train',
    `--set ${excerpt(path, LONGEST)}: there is no such setting.${hint} All are listed by tessera settings.`,
  );
}

/** Reads the value of a setting. Throws a ValueError unless it is one that the setting takes. */
function valueOf({ path, expected, optional, schema }: Known, text: string): unknown {
  const candidates = candidatesOf(text);
  if (optional && text === 'null') return undefined;
  for (const candidate of candidates) {
    const result = v.safeParse(schema as v.GenericSchema, candidate);
    if (result.success) return result.output;
  }
  const given = excerpt(text, LONGEST);
  throw new ValueError('train', `--set ${path}: expected ${expected}, given "${given}".`);
}

/** What a text may stand for: JSON, a list without brackets, or itself. */
function candidatesOf(text: string): readonly unknown[] {
  const parts = text.split(',').map((part) => fromJson(part) ?? part);
  return [fromJson(text), text, parts].filter((candidate) => candidate !== undefined);
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** A copy of a tree of objects and lists in which one value is another; `undefined` takes it out of its object. */
function replaced(root: object, [key, ...rest]: readonly string[], value: unknown): object {
  const inner: unknown = Reflect.get(root, key);
  const branch = typeof inner === 'object' && inner !== null ? inner : {};
  const next = rest.length > 0 ? replaced(branch, rest, value) : value;
  if (Array.isArray(root)) return (root as readonly unknown[]).with(Number(key), next);
  if (rest.length > 0) return { ...root, [key]: next };
  const entries = Object.entries({ ...root, [key]: next });
  return Object.fromEntries(entries.filter(([, own]) => own !== undefined));
}

/** The settings of a schema, with their schemas. */
function known(schema: object = trainSchema, path = ''): readonly Known[] {
  return Object.entries(fieldsOf(schema) ?? {}).flatMap(([name, field]): readonly Known[] => {
    const own = path === '' ? name : `${path}.${name}`;
    if (NOT_SET.has(own)) return [];
    if (fieldsOf(field) !== undefined) return known(insideOptional(field), own);
    const optional = insideOptional(field) !== field;
    const inside = insideOptional(field);
    return [{ path: own, expected: describe(inside), optional, schema: inside }];
  });
}

/** One link of a schema: a type, or a bound. */
interface Link {
  readonly type: string;
  readonly key?: string;
  readonly requirement?: unknown;
  readonly options?: readonly unknown[];
  readonly item?: object;
  readonly items?: readonly object[];
  readonly pipe?: readonly Link[];
}

/** The links of a schema, those of the schemas that it is built on first. */
function links(schema: Link): readonly Link[] {
  return schema.pipe === undefined ? [schema] : schema.pipe.flatMap((link) => links(link));
}

/** What a schema takes, in words. */
function describe(schema: object): string {
  const [first, ...bounds] = links(schema as Link);
  switch (first.type) {
    case 'boolean':
      return 'true or false';
    case 'string':
      return 'a text';
    case 'picklist':
      return `one of ${(first.options ?? []).join(', ')}`;
    case 'number':
      return describeNumber(bounds);
    case 'array':
      return first.item !== undefined && links(first.item as Link)[0].type !== 'variant'
        ? `a list, each ${describe(first.item)}`
        : 'a list in JSON';
    case 'strict_tuple':
      return `${first.items?.length} values, each ${describe(first.items?.[0] ?? {})}`;
    default:
      return 'a value in JSON';
  }
}

function describeNumber(bounds: readonly Link[]): string {
  const bound = (type: string): number[] =>
    bounds.filter((link) => link.type === type).map(({ requirement }) => Number(requirement));
  const kind = bounds.some(({ type }) => type === 'integer') ? 'a whole number' : 'a number';
  const least = bound('min_value');
  const most = bound('max_value');
  const words = [
    ...(least.length > 0 ? [`from ${Math.max(...least)}`] : []),
    ...(least.length === 0 ? bound('gt_value').map((value) => `above ${value}`) : []),
    ...(most.length > 0 ? [`to ${Math.min(...most)}`] : []),
    ...bound('lt_value').map((value) => `below ${value}`),
  ];
  return [kind, ...words].join(' ');
}

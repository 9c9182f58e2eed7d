/** Ways to mangle a file: bytes, lengths, and the texts of its header. */
import * as fc from 'fast-check';

/** One change of a file, as data, so that a failed case prints and shrinks. `at` goes from 0, the start, to 1, the end. */
type Edit =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'set'; readonly at: number; readonly byte: number }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'drop' | 'repeat'; readonly at: number; readonly length: number }
  | { readonly kind: 'move'; readonly at: number; readonly from: number; readonly length: number }
  | { readonly kind: 'extend'; readonly bytes: readonly number[] }
  | {
      readonly kind: 'whole';
      readonly at: number;
      readonly width: number;
      readonly value: bigint;
      readonly little: boolean;
    }
  | { readonly kind: 'number' | 'text' | 'sign'; readonly at: number; readonly by: string }
  | { readonly kind: 'line'; readonly at: number };

/** A place: near the start, where headers are, or anywhere. */
const at = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.double({ min: 0, max: 0.1, noNaN: true }),
);
const length = fc.nat({ max: 40 });

/** Whole numbers at the edges of what fields hold. */
const edges = [
  0n,
  1n,
  2n ** 15n,
  2n ** 16n - 1n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n,
  2n ** 63n,
  -1n,
];

/** Numbers as a header may have them, or not. */
const numbers = [
  '0',
  '-1',
  '1',
  '0.5',
  '1e999',
  '-0',
  'NaN',
  'null',
  '[]',
  '4294967295',
  '1000000000',
  '9007199254740993',
  '99999999999999999999999',
];

/** Texts in quotes. */
const texts = [
  '__proto__',
  'constructor',
  '../../etc/passwd',
  '',
  '\u001b[2J',
  '\\u0000',
  '\\ud800',
  'a'.repeat(5000),
  '<f4',
  '<U0',
  '|O',
  'F64',
  'Ω\u202e',
];

const signs = [
  ':',
  '::::',
  '{',
  '}',
  '[',
  ']',
  ',',
  '"',
  "'",
  '{"a":'.repeat(100),
  '['.repeat(100),
  '(',
  '\n',
  '\r',
  '\0',
  '\ufeff',
];

const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at, bit: fc.nat({ max: 7 }) }),
  fc.record({
    kind: fc.constant('set' as const),
    at,
    byte: fc.oneof(fc.constantFrom(0, 0x7f, 0x80, 0xff), fc.nat({ max: 255 })),
  }),
  fc.record({ kind: fc.constant('cut' as const), at }),
  fc.record({ kind: fc.constantFrom('drop' as const, 'repeat' as const), at, length }),
  fc.record({ kind: fc.constant('move' as const), at, from: at, length }),
  fc.record({
    kind: fc.constant('extend' as const),
    bytes: fc.array(fc.nat({ max: 255 }), { minLength: 1, maxLength: 40 }),
  }),
  fc.record({
    kind: fc.constant('whole' as const),
    at,
    width: fc.constantFrom(1, 2, 4, 8),
    value: fc.constantFrom(...edges),
    little: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('number' as const), at, by: fc.constantFrom(...numbers) }),
  fc.record({ kind: fc.constant('text' as const), at, by: fc.constantFrom(...texts) }),
  fc.record({ kind: fc.constant('sign' as const), at, by: fc.constantFrom(...signs) }),
  fc.record({ kind: fc.constant('line' as const), at }),
);

/** One to four changes. Most files are changed once, so that readers come far. */
export const edits: fc.Arbitrary<readonly Edit[]> = fc.oneof(
  { arbitrary: fc.array(edit, { minLength: 1, maxLength: 1 }), weight: 2 },
  { arbitrary: fc.array(edit, { minLength: 1, maxLength: 4 }), weight: 1 },
);

/** Puts bytes in the place of others. */
function replaced(file: Buffer, start: number, end: number, by: Uint8Array): Buffer {
  return Buffer.concat([file.subarray(0, start), by, file.subarray(end)]);
}

/** The start and end of the match of a pattern that lies at a share of all its matches; `undefined` without any. */
function matchAt(
  file: Buffer,
  pattern: RegExp,
  share: number,
): readonly [number, number] | undefined {
  const all = [...file.toString('latin1').matchAll(pattern)];
  const found = all.at(Math.min(all.length - 1, Math.floor(share * all.length)));
  return found === undefined ? undefined : [found.index, found.index + found[0].length];
}

function applied(file: Buffer, change: Edit): Buffer {
  const place = (share: number): number => Math.floor(share * file.length);
  switch (change.kind) {
    case 'flip':
    case 'set': {
      const changed = Buffer.from(file);
      const index = Math.min(place(change.at), file.length - 1);
      if (index < 0) return changed;
      changed[index] = change.kind === 'set' ? change.byte : changed[index] ^ (1 << change.bit);
      return changed;
    }
    case 'cut':
      return file.subarray(0, place(change.at));
    case 'drop':
      return replaced(file, place(change.at), place(change.at) + change.length, Buffer.alloc(0));
    case 'repeat': {
      const start = place(change.at);
      return replaced(file, start, start, file.subarray(start, start + change.length));
    }
    case 'move': {
      const [to, from] = [place(change.at), place(change.from)];
      return replaced(file, to, to + change.length, file.subarray(from, from + change.length));
    }
    case 'extend':
      return Buffer.concat([file, Buffer.from(change.bytes)]);
    case 'whole': {
      const field = Buffer.alloc(8);
      if (change.little) field.writeBigInt64LE(BigInt.asIntN(64, change.value));
      else field.writeBigInt64BE(BigInt.asIntN(64, change.value << BigInt(64 - 8 * change.width)));
      return replaced(
        file,
        place(change.at),
        place(change.at) + change.width,
        field.subarray(0, change.width),
      );
    }
    case 'number':
    case 'text': {
      const pattern = change.kind === 'number' ? /-?\d+(?:\.\d+)?/g : /"[^"]*"|'[^']*'/g;
      const found = matchAt(file, pattern, change.at);
      if (found === undefined) return file;
      const [start, end] = change.kind === 'number' ? found : [found[0] + 1, found[1] - 1];
      return replaced(file, start, end, Buffer.from(change.by));
    }
    case 'sign':
      return replaced(file, place(change.at), place(change.at), Buffer.from(change.by));
    case 'line': {
      const found = matchAt(file, /[^\n]*\n/g, change.at);
      return found === undefined
        ? file
        : replaced(file, found[1], found[1], file.subarray(...found));
    }
  }
}

/** A file with all changes, one after the other. */
export function mangled(file: Uint8Array, changes: readonly Edit[]): Uint8Array {
  return changes.reduce(applied, Buffer.from(file));
}

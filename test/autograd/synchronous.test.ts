import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compile, scalar, StateError, type Tensor } from '@tessera/tensor';
import {
  checkpoint,
  customVjp,
  grad,
  gradcheck,
  hvp,
  jacobian,
  record,
  valueAndGrad,
  vjp,
} from '@tessera/autograd';

const x = scalar(2);

/** What takes a pure function, and calls it. */
const takers: Readonly<Record<string, (f: (x: Tensor) => never) => unknown>> = {
  compile: (f) => compile(f)(x),
  'compile in grad': (f) => grad(compile(f))(x),
  stages: (f) => compile(f).stages(x),
  grad: (f) => grad(f)(x),
  'grad of grad': (f) => grad(grad(f))(x),
  valueAndGrad: (f) => valueAndGrad(f, { hasAux: true })(x),
  vjp: (f) => vjp(f, x),
  record: (f) => record(f, x),
  checkpoint: (f) => checkpoint(f)(x),
  'checkpoint in grad': (f) => grad(checkpoint(f))(x),
  customVjp: (f) => customVjp(f, () => [x])(x),
  'customVjp in grad': (f) => grad(customVjp(f, () => [x]))(x),
  'rule of customVjp': (f) => grad(customVjp((y: Tensor) => y, f))(x),
  jacobian: (f) => jacobian(f)(x),
  hvp: (f) => hvp(f, x, x),
};

/** What makes an object a thenable. */
const METHOD = ['th', 'en'].join('');

/** Functions that give no value at once. */
const functions: Readonly<Record<string, (x: Tensor) => unknown>> = {
  'a Promise': async (y) => y.mul(await y.item()),
  'a Promise that is rejected late': async () => {
    await new Promise(setImmediate);
    throw new Error('too late for anybody');
  },
  'a thenable': () => Object.fromEntries([[METHOD, () => undefined]]),
  'a generator': function* generator(y) {
    yield y;
  },
  'an asynchronous generator': async function* generator(y) {
    yield await Promise.resolve(y);
  },
};

const rejections: unknown[] = [];
const note = (reason: unknown): void => {
  rejections.push(reason);
};

beforeEach(() => {
  rejections.length = 0;
  process.on('unhandledRejection', note);
});

afterEach(async () => {
  for (let i = 0; i < 3; i++) await new Promise(setImmediate);
  process.off('unhandledRejection', note);
  expect(rejections).toEqual([]);
});

describe.each(Object.entries(takers))('%s', (_name, take) => {
  it.each(Object.entries(functions))('refuses a function that returns %s', (_what, f) => {
    expect(() => take(f as (x: Tensor) => never)).toThrow(StateError);
  });
});

describe('gradcheck', () => {
  it.each(Object.entries(functions))('refuses a function that returns %s', async (_what, f) => {
    await expect(gradcheck(f, [x])).rejects.toThrow(StateError);
  });
});

describe('the refusal', () => {
  it('says what was returned', () => {
    const messageOf = (name: string): unknown => {
      try {
        return compile(functions[name])(x);
      } catch (error) {
        return error;
      }
    };
    expect(Object.keys(functions).map(messageOf)).toMatchInlineSnapshot(`
      [
        [StateError: compile: the function returned a Promise, but it must be synchronous. Read values with await outside of it.],
        [StateError: compile: the function returned a Promise, but it must be synchronous. Read values with await outside of it.],
        [StateError: compile: the function returned a thenable, but it must be synchronous. Read values with await outside of it.],
        [StateError: compile: the function is a generator. Return the value from a plain function.],
        [StateError: compile: the function is a generator. Return the value from a plain function.],
      ]
    `);
  });
});

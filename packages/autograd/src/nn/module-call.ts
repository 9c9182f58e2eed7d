// Opens a scope around each call of a module, so that graphs and plans carry its name.

import { tree } from '@tessera/tensor';
import { currentScope, Scope, withScope, type ScopeName } from '@tessera/tensor/extend';

/** The methods that are calls of a module, where it has them. */
const METHODS = ['forward', 'train', 'encode', 'decode'] as const;

const prepared = new WeakSet<object>();

/**
 * Makes the calls of all instances of a class open a {@link Scope}: `forward`, `train`, `encode` and `decode`, where
 * the class or one that it extends has them as methods. Done once a class, when its first instance is made.
 */
export function openScopes(prototype: object): void {
  let at: object | null = prototype;
  for (; at !== null && !prepared.has(at); at = Reflect.getPrototypeOf(at)) {
    prepared.add(at);
    for (const name of METHODS) {
      const descriptor = Reflect.getOwnPropertyDescriptor(at, name);
      const method: unknown = descriptor?.value;
      if (typeof method !== 'function' || descriptor?.configurable !== true) continue;
      Reflect.defineProperty(at, name, { ...descriptor, value: inScope(method as Method) });
    }
  }
}

type Method = (this: object, ...inputs: unknown[]) => unknown;

/** The same method, that runs in a scope of its own for the module that it is called on. */
function inScope(method: Method): Method {
  return function call(this: object, ...inputs: unknown[]): unknown {
    const outer = currentScope();
    // A method of a base class, or `forward` from `train`, belongs to the call that is under way.
    if (outer?.owner === this) return Reflect.apply(method, this, inputs);
    const scope = new Scope(this, outer, describeCall);
    return withScope(scope, () => Reflect.apply(method, this, inputs));
  };
}

/** A module is called as in the module around it, or else by its class (a function, by its own name). */
function describeCall({ owner, outer }: Scope): ScopeName {
  const own: unknown = Reflect.getOwnPropertyDescriptor(owner, 'name')?.value;
  const type = typeof own === 'string' ? own : owner.constructor.name;
  return { name: (outer && placeOf(owner, outer.owner)) ?? type, type };
}

/** The path by which a tree leads to one of its parts; `null` if it is not in there. */
function placeOf(part: object, whole: object): string | null {
  const seen = new Set<unknown>();
  let level: readonly (readonly [string, unknown])[] = [['', whole]];
  while (level.length > 0) {
    const found = level.find(([, node]) => node === part);
    if (found !== undefined) return found[0];
    level = level.flatMap(([path, node]) => {
      if (seen.has(node)) return [];
      seen.add(node);
      const children = tree.children(node) ?? [];
      return children.map(([key, child]) => [path === '' ? key : `${path}.${key}`, child] as const);
    });
  }
  return null;
}

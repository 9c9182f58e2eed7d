// The scope of a gradient: that of the node that it is computed for, marked by ∇.

import { Scope } from '@tessera/tensor/extend';

const known = new WeakMap<Scope, Scope>();

/** The scope of what the sweep computes for a node of `scope`: the same calls, and a ∇ before the outermost. */
export function gradientScope(scope: Scope): Scope {
  let gradient = known.get(scope);
  if (gradient === undefined) {
    const { outer, owner } = scope;
    gradient = new Scope(owner, outer && gradientScope(outer), () => ({
      name: outer === null ? `∇${scope.name}` : scope.name,
      type: scope.type,
    }));
    known.set(scope, gradient);
  }
  return gradient;
}

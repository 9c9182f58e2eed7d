// Scopes: the calls that operations are made in, whose names graphs, programs and plans carry.

/**
 * A call that operations are made in, such as that of a module: who reads a graph, a program or a plan
 * learns from it where each line comes from. It changes no value and no decision.
 *
 * @example
 * const net = new Scope({}, null, () => ({ name: 'Net', type: 'Net' }));
 * const layer = new Scope({}, net, () => ({ name: 'layers.0', type: 'Linear' }));
 * layer.path; // 'Net/layers.0'
 */
export class Scope {
  /** The call around it; `null` for the outermost. */
  readonly outer: Scope | null;
  /** What was called. */
  readonly owner: object;
  readonly #describe: (scope: Scope) => ScopeName;
  #named: ScopeName | undefined;
  #whole: string | undefined;

  /** @param describe Names the scope. It is asked only when somebody reads the name. */
  constructor(owner: object, outer: Scope | null, describe: (scope: Scope) => ScopeName) {
    this.owner = owner;
    this.outer = outer;
    this.#describe = describe;
  }

  /** Where the owner stands in that of the scope around: `attn`, `blocks.0`. */
  get name(): string {
    return (this.#named ??= this.#describe(this)).name;
  }

  /** What kind of thing the owner is: `SelfAttention`. */
  get type(): string {
    return (this.#named ??= this.#describe(this)).type;
  }

  /** The names from the outermost scope to this one: `DiT/blocks.0/attn`. */
  get path(): string {
    this.#whole ??= this.outer === null ? this.name : `${this.outer.path}/${this.name}`;
    return this.#whole;
  }
}

/** What a scope is called. */
export interface ScopeName {
  readonly name: string;
  readonly type: string;
}

let current: Scope | null = null;

/**
 * The scope that operations are made in now, `null` outside of all.
 *
 * @example
 * currentScope(); // null
 */
export function currentScope(): Scope | null {
  return current;
}

/**
 * Runs `body` in a scope, then goes back to the one around.
 *
 * @example
 * const scope = new Scope({}, currentScope(), () => ({ name: 'half', type: 'step' }));
 * withScope(scope, () => currentScope()?.path); // 'half'
 */
export function withScope<T>(scope: Scope | null, body: () => T): T {
  const outer = current;
  current = scope;
  try {
    return body();
  } finally {
    current = outer;
  }
}

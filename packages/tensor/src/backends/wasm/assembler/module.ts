// Builds a WebAssembly module out of functions, with imports, exports and memory.

import { flatten, sized, text, TYPE_CODES, unsigned, vector, type Code } from './code.ts';
import { FunctionBuilder, type FunctionReference, type Signature } from './function.ts';

/** Bytes of a page of memory. */
export const PAGE_BYTES = 65536;

/** The memory that a module runs on. */
export interface MemoryImport {
  readonly shared: boolean;
  /** The most pages that there may be. A shared memory must name this limit. */
  readonly maximumPages: number;
}

interface Imported extends FunctionReference {
  readonly name: string;
}

interface Defined extends FunctionReference {
  readonly code: Uint8Array;
}

/**
 * Builds a module out of functions. The module imports its memory as `env.memory`.
 *
 * @example
 * const module = new ModuleBuilder({ shared: false, maximumPages: 1 });
 * const same = module.define({ parameters: ['i32'], result: 'i32' }, (f) => {
 *   f.return(f.parameter('i32', 0));
 * });
 * module.export('same', same);
 * WebAssembly.validate(module.encode()); // true
 */
export class ModuleBuilder {
  readonly #memory: MemoryImport;
  readonly #signatures: Code[] = [];
  readonly #signatureIndices = new Map<string, number>();
  readonly #imports: Imported[] = [];
  readonly #functions: Defined[] = [];
  readonly #exports: { readonly name: string; readonly index: number }[] = [];
  #codeBytes = 0;
  readonly #functionOptions: ConstructorParameters<typeof FunctionBuilder>[1];

  /** @param functionOptions Those of all {@link FunctionBuilder}s. */
  constructor(
    memory: MemoryImport,
    functionOptions?: ConstructorParameters<typeof FunctionBuilder>[1],
  ) {
    this.#memory = memory;
    this.#functionOptions = functionOptions;
  }

  /** Bytes of all functions so far. */
  get bytes(): number {
    return this.#codeBytes;
  }

  /** Imports the function `env.name`. All imports come before the first definition. */
  import(name: string, signature: Signature): FunctionReference {
    if (this.#functions.length > 0) throw new Error('assembler: imports come before definitions.');
    const imported = { name, index: this.#imports.length, signature };
    this.#imports.push(imported);
    return imported;
  }

  define(signature: Signature, body: (f: FunctionBuilder) => void): FunctionReference {
    const builder = new FunctionBuilder(signature, this.#functionOptions);
    body(builder);
    const index = this.#imports.length + this.#functions.length;
    const code = builder.encode();
    this.#functions.push({ index, signature, code });
    this.#codeBytes += code.length;
    return { index, signature };
  }

  export(name: string, { index }: FunctionReference): void {
    this.#exports.push({ name, index });
  }

  encode(): Uint8Array<ArrayBuffer> {
    const limits = [this.#memory.shared ? 3 : 1, unsigned(0), unsigned(this.#memory.maximumPages)];
    const memory = [text('env'), text('memory'), 0x02, ...limits];
    const imports = this.#imports.map((each) => [
      text('env'),
      text(each.name),
      0x00,
      unsigned(this.#typeIndex(each.signature)),
    ]);
    const types = this.#functions.map(({ signature }) => unsigned(this.#typeIndex(signature)));
    const exports = this.#exports.map((each) => [text(each.name), 0x00, unsigned(each.index)]);
    const bodies = this.#functions.map(({ code }) => code);
    return flatten([
      [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      section(1, vector(this.#signatures)),
      section(2, vector([memory, ...imports])),
      section(3, vector(types)),
      section(7, vector(exports)),
      section(10, vector(bodies)),
    ]);
  }

  #typeIndex({ parameters, result }: Signature): number {
    const key = `${parameters.join()} ${result ?? ''}`;
    const known = this.#signatureIndices.get(key);
    if (known !== undefined) return known;
    const list = (types: Signature['parameters']): Code =>
      vector(types.map((type) => [TYPE_CODES[type]]));
    const index = this.#signatures.length;
    this.#signatures.push([0x60, list(parameters), list(result === null ? [] : [result])]);
    this.#signatureIndices.set(key, index);
    return index;
  }
}

function section(id: number, code: Code): Code {
  return [id, sized(code)];
}

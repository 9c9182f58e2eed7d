// The tensors that a function captures, named by their paths in the modules that use them.

import { StateError, Tensor, tree, type Storage, type TypedArray } from '@tessera/tensor';
import { currentScope } from '@tessera/tensor/extend';

/** A captured tensor: its elements, and its path in a module, if one has it. */
export interface Captured {
  readonly elements: TypedArray;
  readonly path: string | undefined;
}

/** Notes the tensors that a function captures while it is traced. */
export class CapturedTensors {
  readonly #tensors = new Map<Storage, Tensor>();
  /** The outermost modules that were called when tensors were captured. */
  readonly #modules = new Set<object>();

  /** Notes a tensor, and returns what stands for it in the program. Its elements are read after the tracing. */
  readonly capture = (tensor: Tensor): Storage => {
    const { value, dtype, size } = tensor;
    if (value.kind !== 'stored') throw new StateError('toOnnx', 'a captured tensor is not stored.');
    const handle: Storage = { backend: value.storage.backend, dtype, size };
    this.#tensors.set(handle, tensor);
    const module = outermost();
    if (module !== null) this.#modules.add(module);
    return handle;
  };

  /** The elements and paths of noted tensors. */
  read(handles: readonly Storage[]): Promise<readonly Captured[]> {
    const paths = this.#paths();
    return Promise.all(
      handles.map(async (handle) => {
        const tensor = this.#tensors.get(handle) as Tensor;
        return { elements: await tensor.data(), path: paths.get(tensor) };
      }),
    );
  }

  /** Where tensors stand in the modules; the first module that has one says its path. */
  #paths(): ReadonlyMap<Tensor, string> {
    const paths = new Map<Tensor, string>();
    for (const module of this.#modules) {
      tree.walk(module, (node, path) => {
        if (node instanceof Tensor && !paths.has(node)) paths.set(node, path);
        return true;
      });
    }
    return paths;
  }
}

/** The outermost module whose call is under way. */
function outermost(): object | null {
  let scope = currentScope();
  while (scope !== null && scope.outer !== null) scope = scope.outer;
  return scope?.owner ?? null;
}

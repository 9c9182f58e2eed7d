// Stands in for `wide.ts` in bundles for pages, which cannot set flags of V8.

/** Compiles modules. V8 packs their vectors only if its user asked for that when it started. */
export function compileWide(
  modules: readonly Uint8Array<ArrayBuffer>[],
): readonly WebAssembly.Module[] {
  return modules.map((bytes) => new WebAssembly.Module(bytes));
}

/** Whether it is known that the engine packs pairs of vectors: never in a page. */
export function packsVectors(): boolean {
  return false;
}

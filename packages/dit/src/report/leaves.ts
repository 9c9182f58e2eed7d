// The values inside of records and lists, by their paths.

/**
 * The values of a plain tree in its order, each with its path such as `model.depth`.
 *
 * @param isLeaf whether a record or a list is a value as a whole. Default: none is.
 */
export function leavesByPath(
  root: unknown,
  isLeaf: (value: object) => boolean = () => false,
  path = '',
): readonly (readonly [path: string, value: unknown])[] {
  if (typeof root !== 'object' || root === null || isLeaf(root)) return [[path, root]];
  return Object.entries(root).flatMap(([name, inner]) =>
    leavesByPath(inner, isLeaf, path === '' ? name : `${path}.${name}`),
  );
}

// Stands in for `thread-text.ts` in bundles for pages, where threads start from a file.

/**
 * Takes the place of `thread-text.ts` in bundles for pages (`browser` in package.json). A page starts a
 * thread from its file, which a strict policy can allow.
 */
export const THREAD_TEXT: string | null = null;

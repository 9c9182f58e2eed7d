// Stands in for `thread-text.ts` in bundles for pages, where threads start from a file.

/**
 * What bundles for pages have in place of `thread-text.ts` (`browser` in package.json): there a thread
 * starts from its file, which a strict policy can allow.
 */
export const THREAD_TEXT: string | null = null;

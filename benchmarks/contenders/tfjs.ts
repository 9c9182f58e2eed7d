export const openTfjs = null as never;

export const openJsPytorch = null as never;

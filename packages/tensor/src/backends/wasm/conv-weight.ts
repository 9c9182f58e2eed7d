export const conv2dWeight = null;

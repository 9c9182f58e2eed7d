export const openOnnxruntime = null as never;

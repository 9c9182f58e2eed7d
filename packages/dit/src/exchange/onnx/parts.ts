// The parts of a run that are exported as ONNX models.

/** What there is of a run as an ONNX model. */
export const ONNX_PARTS = ['denoiser', 'decoder', 'encoder', 'step'] as const;

/** A part of a run that is exported as an ONNX model. */
export type OnnxPart = (typeof ONNX_PARTS)[number];

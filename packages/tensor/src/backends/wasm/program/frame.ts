// The layout of a frame, the block of memory that describes one run.

/** Where each word of a frame lies, in bytes. */
export const FRAME = {
  /** 1 + the index of the kernel that met a value which it must refuse; 0 if there is none. */
  refusingKernel: 0,
  /** The refused value. */
  refusedValue: 4,
  workspace: 8,
  scratch: 12,
  /** The first of the addresses of all buffers of the plan. */
  buffers: 16,
} as const;

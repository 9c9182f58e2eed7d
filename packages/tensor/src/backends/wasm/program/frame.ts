// Where the words of a frame lie: the memory in which a run is described.

/** Words of a frame, the memory in which a run is described, by their byte. */
export const FRAME = {
  /** 1 + the index of a kernel that met a value which it must refuse; 0 if none did. */
  refusingKernel: 0,
  /** That value. */
  refusedValue: 4,
  workspace: 8,
  scratch: 12,
  /** The address of every buffer of the plan. */
  buffers: 16,
} as const;

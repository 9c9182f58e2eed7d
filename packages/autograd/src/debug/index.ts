// The public names for finding out what went wrong (@tessera/autograd/debug).

/**
 * For programs whose numbers go wrong: {@link detectAnomaly} repeats a function operation by operation, and
 * names the first one that made a value that is not finite.
 *
 * @module @tessera/autograd/debug
 */
export { AnomalyError, detectAnomaly, type Anomaly } from './detect-anomaly.ts';
export { formatRange, type ValueRange } from './range.ts';

import { tensor, type Tensor } from '@tessera/tensor';
import type { SampledModel } from '@tessera/dit';

/**
 * A mixture of Gaussians on the line, all of it in float64. Each value of a latent is drawn from it
 * independently, so whatever is known of the line is known of latents of any shape.
 */
const MIXTURE: readonly Component[] = [
  { weight: 0.3, mean: -1.2, deviation: 0.5 },
  { weight: 0.7, mean: 0.7, deviation: 0.4 },
];

interface Component {
  readonly weight: number;
  readonly mean: number;
  readonly deviation: number;
}

/** The mixture at a place of a process: `signal · xStart + noise · eps`. */
export function noised(signal: number, noise: number): Component[] {
  return MIXTURE.map(({ weight, mean, deviation }) => ({
    weight,
    mean: signal * mean,
    deviation: Math.hypot(signal * deviation, noise),
  }));
}

/** E[xStart | x] and E[eps | x]: what the best model sees. */
export function bestEnds(
  x: number,
  signal: number,
  noise: number,
): { xStart: number; eps: number } {
  const at = noised(signal, noise);
  const density = at.map(
    ({ weight, mean, deviation }) =>
      (weight / deviation) * Math.exp(-0.5 * ((x - mean) / deviation) ** 2),
  );
  const total = density.reduce((sum, p) => sum + p, 0);
  let [xStart, eps] = [0, 0];
  at.forEach(({ mean, deviation }, k) => {
    const share = density[k] / total;
    const centered = (x - mean) / deviation ** 2;
    const { mean: m, deviation: d } = MIXTURE[k];
    xStart += share * (m + signal * d * d * centered);
    eps += share * noise * centered;
  });
  return { xStart, eps };
}

/** A model that is told what it sees through `place`, and says what `predict` makes of it. */
export function bestModel(
  place: (time: number) => { readonly signal: number; readonly noise: number },
  predict: (ends: { xStart: number; eps: number }, signal: number, noise: number) => number,
): SampledModel {
  return (x, _t, time): Tensor => {
    const { signal, noise } = place(time);
    const values = Float32Array.from(x.dataSync(), (value) =>
      predict(bestEnds(value, signal, noise), signal, noise),
    );
    return tensor(values, { shape: x.shape });
  };
}

/** The share of a mixture that lies below x. */
function below(x: number, mixture: readonly Component[]): number {
  return mixture.reduce(
    (sum, { weight, mean, deviation }) => sum + weight * normalCdf((x - mean) / deviation),
    0,
  );
}

/**
 * Where the probability-flow equation takes x from one place to another. On a line a flow keeps the order of
 * points, and so the share of the mixture below each: the answer needs no steps at all.
 */
export function transported(
  x: number,
  from: readonly Component[],
  to: readonly Component[],
): number {
  const share = below(x, from);
  let [low, high] = [-20, 20];
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (below(middle, to) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The standard normal distribution function, by its integral from 0 with Simpson's rule: within 1e-12. */
function normalCdf(x: number): number {
  if (x < -9) return 0;
  if (x > 9) return 1;
  const steps = 400;
  const h = x / steps;
  let sum = 0;
  for (let i = 0; i <= steps; i++) {
    const weight = i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2;
    sum += weight * Math.exp(-0.5 * (i * h) ** 2);
  }
  return 0.5 + (sum * h) / (3 * Math.sqrt(2 * Math.PI));
}

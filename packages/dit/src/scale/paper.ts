// The models of the paper with their costs and their quality, to hold our own against.

/** A model of the paper after 400,000 steps. */
export interface PaperModel {
  readonly name: string;
  /** 10⁹ multiply-adds of a forward pass. */
  readonly gflops: number;
  /** FID of 50,000 samples without guidance. */
  readonly fid: number;
}

/** Source: Peebles & Xie 2023, "Scalable diffusion models with transformers", table 4. */
export const PAPER_MODELS: readonly PaperModel[] = [
  { name: 'DiT-S/8', gflops: 0.36, fid: 153.6 },
  { name: 'DiT-S/4', gflops: 1.41, fid: 100.41 },
  { name: 'DiT-S/2', gflops: 6.06, fid: 68.4 },
  { name: 'DiT-B/8', gflops: 1.42, fid: 122.74 },
  { name: 'DiT-B/4', gflops: 5.56, fid: 68.38 },
  { name: 'DiT-B/2', gflops: 23.01, fid: 43.47 },
  { name: 'DiT-L/8', gflops: 5.01, fid: 118.87 },
  { name: 'DiT-L/4', gflops: 19.7, fid: 45.64 },
  { name: 'DiT-L/2', gflops: 80.71, fid: 23.33 },
  { name: 'DiT-XL/8', gflops: 7.39, fid: 106.41 },
  { name: 'DiT-XL/4', gflops: 29.05, fid: 43.01 },
  { name: 'DiT-XL/2', gflops: 118.64, fid: 19.47 },
];

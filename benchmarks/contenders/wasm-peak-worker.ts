// A thread that runs the peak loop when told to.

import { setFlagsFromString } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { PEAK_ROUNDS, type PeakWork } from '../works/works.ts';
import { peakModule } from './wasm-peak-module.ts';

const instruction = workerData as PeakWork['instruction'];
// Node 20 has it behind this flag, which counts until the first module is compiled.
if (instruction === 'relaxed-madd') setFlagsFromString('--experimental-wasm-relaxed-simd');
const { instance } = await WebAssembly.instantiate(peakModule(instruction));
const run = instance.exports.run as (rounds: number, factor: number, summand: number) => number;
parentPort?.on('message', () => {
  parentPort?.postMessage(run(PEAK_ROUNDS, 0.5, 1), []);
});

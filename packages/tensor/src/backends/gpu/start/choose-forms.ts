// Decides at the start in which forms products and composites run, and explains what is ruled out.

import type { CompositeForm, ProductForm } from '../device/report.ts';
import { problemOfEntries } from './entry-check.ts';
import { DeviceError, refusalText } from '../device/errors.ts';
import type { GpuBackendOptions } from './options.ts';
import { tuneRows } from './tune-rows.ts';
import { refusalOfProduct, tune } from './tune.ts';
import type { WebGpuEngine } from '../engines/webgpu-engine.ts';

/** How matrix products and composites are to run. */
export type FormOptions = Required<Pick<GpuBackendOptions, 'products' | 'composites'>>;

/**
 * Settles how an engine runs matrix products and composites. Where it may choose, it leaves out each form
 * that the device refuses or computes wrongly. A form that was asked for must be accepted by the device; its
 * numbers are not compared.
 *
 * @returns what it would have chosen on another device, and why it did not: sentences
 * @throws DeviceError if the device is lost, refuses plain products, or refuses what was asked for
 */
export async function chooseForms(
  engine: WebGpuEngine,
  { products, composites }: FormOptions,
): Promise<string[]> {
  return [
    ...(await chooseProducts(engine, products)),
    ...(await chooseComposites(engine, composites)),
  ];
}

async function chooseProducts(
  engine: WebGpuEngine,
  form: ProductForm | 'measured',
): Promise<readonly string[]> {
  if (form === 'measured') {
    const { tuning, problems } = await tune(engine);
    engine.runProductsAs(tuning.fastest, tuning);
    return problems;
  }
  const refusal = await refusalOfProduct(engine, form);
  if (refusal !== null) throw refusedForm('products', form, refusalText(refusal), 'plain');
  engine.runProductsAs(form, null);
  return [];
}

async function chooseComposites(
  engine: WebGpuEngine,
  form: CompositeForm | 'checked',
): Promise<readonly string[]> {
  if (form === 'decomposed') return [];
  const elementsOfThread = await tuneRows(engine);
  const problem = await problemOfEntries(engine, elementsOfThread, form === 'checked');
  if (problem === null) {
    engine.runComposites('fused', elementsOfThread);
    return [];
  }
  if (form === 'fused') throw refusedForm('composites', form, problem, 'decomposed');
  return [`Composites are decomposed: as kernels whose threads share memory, ${problem}.`];
}

/**
 * @param problem What is wrong, a clause.
 * @param other The form that every device accepts.
 */
function refusedForm(
  option: keyof FormOptions,
  form: string,
  problem: string,
  other: ProductForm | CompositeForm,
): DeviceError {
  const hint = form === other ? 'Pass another mode' : `Leave ${option} out, or pass '${other}'`;
  return new DeviceError(
    'gpuBackend',
    'unavailable',
    `${option}: '${form}' was asked for, but ${problem}. ${hint}.`,
  );
}

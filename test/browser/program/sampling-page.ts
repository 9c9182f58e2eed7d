import { report } from './report.ts';
import { drawFromRun, trainAndDraw } from './sampling.ts';

async function fetched(file: string): Promise<Response> {
  const response = await fetch(`run/${file}`);
  if (!response.ok) throw new Error(`${file}: ${response.status}`);
  return response;
}

async function bytes(file: string): Promise<Uint8Array> {
  return new Uint8Array(await (await fetched(file)).arrayBuffer());
}

await report(
  'page',
  drawFromRun({
    config: await (await fetched('config.json')).text(),
    autoencoder: await bytes('autoencoder.safetensors'),
    model: await bytes('model.safetensors'),
  }),
);
await report('training', trainAndDraw());

// The page that times training steps, as its address asks, and hands the times over.

import { report } from '../../test/browser/program/report.ts';
import { timeSteps } from './steps.ts';

const query = new URLSearchParams(location.search);

await report(
  'step',
  timeSteps({
    threads: Number(query.get('threads')),
    samples: Number(query.get('samples')),
    wide: query.has('wide'),
  }).then((times) => ({ ...times, isIsolated: crossOriginIsolated })),
);
if (query.has('post')) {
  const output = document.querySelector('output');
  const body = JSON.stringify({ state: output?.dataset['state'], text: output?.textContent });
  await fetch('/result', { method: 'POST', body });
}

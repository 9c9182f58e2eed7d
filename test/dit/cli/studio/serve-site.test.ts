import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveSite, type SiteServer } from '../../../../packages/dit/src/cli/studio/serve-site.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-serve-'));
const [site, run] = [join(folder, 'site'), join(folder, 'run')];

/** Status, headers and text of an answer. The path goes out as it stands, which `fetch` would not do. */
function ask(
  server: SiteServer,
  path: string,
  options: { readonly method?: string; readonly host?: string } = {},
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; text: string }> {
  const { method = 'GET', host } = options;
  const { port } = new URL(server.address);
  return new Promise((resolve, reject) => {
    const headers = host === undefined ? {} : { host };
    request({ port, host: '127.0.0.1', path, method, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    })
      .on('error', reject)
      .end();
  });
}

describe('serveSite', () => {
  let server: SiteServer;

  beforeAll(async () => {
    for (const path of [join(site, 'assets'), run, `${run}-other`]) {
      mkdirSync(path, { recursive: true });
    }
    const headers = { all: { 'x-own': 'all' }, below: { '/assets/code-': { 'x-own': 'code' } } };
    writeFileSync(join(site, 'headers.json'), JSON.stringify(headers));
    writeFileSync(join(site, 'index.html'), '<p>page</p>');
    writeFileSync(join(site, 'assets/code-1.js'), '1');
    writeFileSync(join(run, 'config.json'), '{}');
    writeFileSync(join(run, '.secret'), 'secret');
    writeFileSync(join(`${run}-other`, 'config.json'), 'secret');
    writeFileSync(join(folder, 'outside.txt'), 'secret');
    server = await serveSite(site, run, 0);
  });

  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  it('serves the pages with the headers of the site', async () => {
    const page = await ask(server, '/');
    expect([page.status, page.text, page.headers['x-own']]).toEqual([200, '<p>page</p>', 'all']);
    expect((await ask(server, '/assets/code-1.js')).headers['x-own']).toBe('code');
    expect((await ask(server, '/missing.js')).status).toBe(404);
  });

  it('lends the files of the run, those that are written later too', async () => {
    expect((await ask(server, '/run/config.json')).text).toBe('{}');
    writeFileSync(join(run, 'later.json'), '1');
    expect((await ask(server, '/run/later.json')).text).toBe('1');
  });

  it.each([
    '/run/.secret',
    '/run/../outside.txt',
    '/run/%2e%2e/outside.txt',
    '/run/..%2foutside.txt',
    '/run/..%5coutside.txt',
    '/run/%2e%2e%2frun-other/config.json',
    '/../outside.txt',
    '/%',
    '/run/config.json%00',
  ])('gives nothing away at %s', async (path) => {
    expect(await ask(server, path)).toMatchObject({ status: 404, text: '' });
  });

  it('changes nothing, and answers to no other name', async () => {
    for (const method of ['PUT', 'POST', 'DELETE']) {
      expect((await ask(server, '/run/config.json', { method })).status).toBe(405);
    }
    expect((await ask(server, '/', { host: 'evil.example' })).status).toBe(403);
    expect((await ask(server, '/', { host: 'localhost:4750' })).status).toBe(200);
  });

  it('serves pages without a run', async () => {
    const alone = await serveSite(site, null, 0);
    expect((await ask(alone, '/run/config.json')).status).toBe(404);
    expect((await ask(alone, '/')).status).toBe(200);
    await alone.close();
  });
});

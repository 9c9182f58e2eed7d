import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspectCommand } from '../../../packages/dit/src/cli/inspect-command.ts';
import type { InspectArguments } from '../../../packages/dit/src/cli/program.ts';
import { presetConfig } from '../../../packages/dit/src/config/presets.ts';
import { writeRunConfig } from '../../../packages/dit/src/run/run-folder.ts';

async function linesOf(args: InspectArguments): Promise<string[]> {
  const lines: string[] = [];
  await inspectCommand(args, (line) => lines.push(line));
  return lines;
}

async function jsonOf(args: InspectArguments): Promise<unknown> {
  return JSON.parse((await linesOf({ ...args, json: true })).join('\n'));
}

describe('tessera inspect', () => {
  it('says what a published model costs', async () => {
    expect(await jsonOf({ name: 'DiT-XL/8' })).toMatchObject({
      name: 'DiT-XL/8',
      design: 'adaln-zero',
      imageSize: 256,
      tokens: 16,
      params: 675_664_640,
      macs: 7_392_411_648,
    });
  });

  it('prints modules, memory and kernels of one model', async () => {
    const text = (await linesOf({ name: 'smoke' })).join('\n');
    expect(text).toMatch(/^blocks\.0\.attn\.qkv +Linear +27,936$/m);
    expect(text).not.toContain('blocks.1.attn');
    expect(text).toMatch(
      /^training step of 32: 9\.1 MB of weights, average and moments, \d+\.\d MB of scratch memory, \d+ kernels/m,
    );
  });

  it('takes another design', async () => {
    const found = await jsonOf({ name: 'DiT-S/8', design: 'in-context' });
    expect(found).toMatchObject({ design: 'in-context', params: 22_221_056, macs: 390_156_288 });
  });

  it('lists all models without a name', async () => {
    const lines = await linesOf({ design: 'adaln-zero' });
    expect(lines.length).toBe(1 + 12 + 3);
    expect(lines.slice(0, 2)).toEqual([
      'name      design      image    tokens   parameters    multiply-adds',
      'DiT-S/2   adaln-zero  256×256     256   32,865,056    6,055,673,856',
    ]);
  });

  it('finds the model of a run', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-inspect-'));
    try {
      await writeRunConfig(
        folder,
        presetConfig('smoke', { design: 'adaln', conditions: ['text'] }),
      );
      expect(await jsonOf({ run: folder })).toMatchObject({ name: folder, design: 'adaln' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('refuses what it does not know', async () => {
    await expect(linesOf({ name: 'DiT-M/2' })).rejects.toThrow(
      "there is no model 'DiT-M/2'. Use DiT-S/2, DiT-S/4, DiT-S/8, DiT-B/2",
    );
    await expect(linesOf({ run: 'nowhere' })).rejects.toThrow('nowhere is not the folder of a run');
    await expect(linesOf({ run: 'nowhere', name: 'smoke' })).rejects.toThrow('both');
  });
});

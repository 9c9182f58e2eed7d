/** Claims folders for runs as fast as it can, from a moment on that another process knows: prints them, as JSON. */
import { presetConfig } from '../../../packages/dit/src/config/presets.ts';
import { claimRunFolder } from '../../../packages/dit/src/run/run-folder.ts';

const [standard, rounds] = process.argv.slice(2);
const folders: string[] = [];
process.stdout.write('ready\n');
process.stdin.once('data', () => {
  void (async () => {
    for (let i = 0; i < Number(rounds); i++) {
      folders.push(await claimRunFolder(undefined, presetConfig('smoke', { seed: i }), standard));
    }
    process.stdout.write(JSON.stringify(folders));
    process.stdin.destroy();
  })();
});

import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { build, defaultClientConditions, type Rolldown } from 'vite';

/** What Vite made of some entries. */
export interface Bundle {
  /** Modules that left code in it, from the name of their package on: `@tessera/tensor/dist/view.js`. */
  readonly modules: readonly string[];
  /** Node's own modules that were asked for, even where the request led to no code. */
  readonly builtins: readonly string[];
  /** The scripts, minified. */
  readonly scripts: readonly string[];
}

/**
 * Bundles pages or scripts for the browser, as `vite build` does with no configuration but its inputs.
 *
 * @param project Folder with `node_modules`.
 * @param inputs Pages or scripts in it.
 * @param outDir Receives the files; default none are written.
 * @param conditions Export conditions beside those of a browser; default none.
 */
export async function bundle(
  project: string,
  inputs: readonly string[],
  outDir?: string,
  conditions: readonly string[] = [],
): Promise<Bundle> {
  const builtins: string[] = [];
  const output = await build({
    root: project,
    configFile: false,
    logLevel: 'error',
    plugins: [
      {
        name: 'watch-builtins',
        enforce: 'pre',
        resolveId(specifier: string): null {
          if (isBuiltin(specifier)) builtins.push(specifier);
          return null;
        },
      },
    ],
    resolve: { conditions: [...conditions, ...defaultClientConditions] },
    worker: { format: 'es' },
    build: {
      outDir: outDir ?? 'dist',
      write: outDir !== undefined,
      target: 'es2023',
      rolldownOptions: { input: inputs.map((input) => join(project, input)) },
    },
  });
  const chunks = [output].flat().flatMap((each) => chunksOf(each as Rolldown.RolldownOutput));
  const modules = chunks.flatMap((chunk) =>
    Object.entries(chunk.modules)
      .filter(([, { renderedLength }]) => renderedLength > 0)
      .map(([id]) => id.replace(/^.*node_modules\//, '').replace(`${project}/`, '')),
  );
  return {
    modules: [...new Set(modules)].sort(),
    builtins,
    scripts: chunks.map(({ code }) => code),
  };
}

function chunksOf({ output }: Rolldown.RolldownOutput): Rolldown.OutputChunk[] {
  return output.filter((file) => file.type === 'chunk');
}

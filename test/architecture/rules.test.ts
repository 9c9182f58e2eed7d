import { describe, expect, it } from 'vitest';
import { parseProject, type WorkspacePackage } from './project.ts';
import { houseRules, MAX_FILES, MAX_HEADER, MAX_LINES } from './rules.ts';

/** Each case is a small made-up repository: what the rule named `rule` says of it. */
interface Case {
  readonly rule: string;
  readonly files: Readonly<Record<string, string>>;
  readonly complaints: readonly string[];
}

const rules = houseRules(new Set(['add', 'expand', 'matmul']));
const tensor = 'packages/tensor/src';
// Put together here, so that this file does not break the rule itself.
const silencer = ['@ts', 'ignore'].join('-');

const cases: readonly Case[] = [
  {
    rule: 'imports resolve',
    files: { [`${tensor}/shape.ts`]: "import { a } from './gone.ts';" },
    complaints: [`${tensor}/shape.ts:1: no file ./gone.ts`],
  },
  {
    rule: 'no import cycle',
    files: {
      [`${tensor}/ops/a.ts`]: "import { b } from './b.ts';",
      [`${tensor}/ops/b.ts`]: "export { c } from './c.ts';",
      [`${tensor}/ops/c.ts`]: "import { type A } from './a.ts';",
    },
    complaints: [
      `${tensor}/ops/a.ts → ${tensor}/ops/b.ts → ${tensor}/ops/c.ts → ${tensor}/ops/a.ts`,
    ],
  },
  {
    rule: 'no import cycle',
    files: {
      [`${tensor}/index.ts`]: "import { grad } from '@tessera/autograd';",
      'packages/autograd/src/index.ts': "const tensor = await import('@tessera/tensor');",
    },
    complaints: [`${tensor}/index.ts → packages/autograd/src/index.ts → ${tensor}/index.ts`],
  },
  {
    rule: 'no import cycle',
    files: {
      [`${tensor}/ops/a.ts`]: "import type { B } from './b.ts';",
      [`${tensor}/ops/b.ts`]: "import { a } from './a.ts';",
    },
    complaints: [],
  },
  {
    rule: 'layers',
    files: {
      [`${tensor}/tensor.ts`]: '',
      [`${tensor}/array/view.ts`]: "import { Tensor } from '../tensor.ts';",
      [`${tensor}/primitives/reduce.ts`]: "import type { Tensor } from '../tensor.ts';",
    },
    complaints: [
      `${tensor}/array/view.ts:1: 'view' must not import 'tensor' (${tensor}/tensor.ts): a view is a shape with strides`,
      `${tensor}/primitives/reduce.ts:1: 'primitives' must not import 'tensor' (${tensor}/tensor.ts): the instruction set is about shapes and numbers: it knows no Tensor`,
    ],
  },
  {
    rule: 'layers',
    files: {
      [`${tensor}/tensor.ts`]: '',
      [`${tensor}/interpreter.ts`]: "import type { Tensor } from './tensor.ts';",
      [`${tensor}/plan/kernel.ts`]: '',
      [`${tensor}/backends/backend.ts`]: "import type { Kernel } from '../plan/kernel.ts';",
    },
    complaints: [],
  },
  {
    rule: 'layers',
    files: {
      [`${tensor}/tensor.ts`]: '',
      [`${tensor}/interpreter.ts`]: "import { type Tensor } from './tensor.ts';",
    },
    complaints: [
      `${tensor}/interpreter.ts:1: 'interpreter' must not import 'tensor' (${tensor}/tensor.ts): the seam hands tensors on without looking into them`,
    ],
  },
  {
    rule: 'layers',
    files: {
      [`${tensor}/array/view.ts`]: '',
      [`${tensor}/backends/backend.ts`]: "import type { View } from '../array/view.ts';",
    },
    complaints: [
      `${tensor}/backends/backend.ts:1: 'backend' must not import 'view' (${tensor}/array/view.ts): the interface of a backend speaks of plans and arrays only`,
    ],
  },
  {
    rule: 'layers',
    files: {
      [`${tensor}/backends/cpu/cpu.ts`]: "import { add } from '../wasm/assembler/code.ts';",
      [`${tensor}/backends/wasm/map.ts`]: "import { add } from './assembler/code.ts';",
      [`${tensor}/backends/wasm/assembler/code.ts`]: "import { relaxed } from '../target.ts';",
      [`${tensor}/backends/wasm/target.ts`]: '',
    },
    complaints: [
      `${tensor}/backends/cpu/cpu.ts:1: imports ${tensor}/backends/wasm/assembler/code.ts, but folders of 'backends' are independent: a backend runs plans; it knows neither tensors nor another backend`,
    ],
  },
  {
    rule: 'layers',
    files: {
      [`${tensor}/backends/cpu/cpu.ts`]: "import { erf } from './erf.ts';",
      [`${tensor}/backends/cpu/erf.ts`]: "import { simd } from '../wasm/simd.ts';",
      [`${tensor}/backends/wasm/simd.ts`]: "import { Tensor } from '../../tensor.ts';",
      [`${tensor}/tensor.ts`]: '',
    },
    complaints: [
      `${tensor}/backends/cpu/erf.ts:1: imports ${tensor}/backends/wasm/simd.ts, but folders of 'backends' are independent: a backend runs plans; it knows neither tensors nor another backend`,
      `${tensor}/backends/wasm/simd.ts:1: 'backends' must not import 'tensor' (${tensor}/tensor.ts): a backend runs plans; it knows neither tensors nor another backend`,
    ],
  },
  {
    rule: 'layers',
    files: { [`${tensor}/stray.ts`]: '' },
    complaints: [`${tensor}/stray.ts: stands in no layer`],
  },
  {
    rule: 'package boundaries',
    files: {
      [`${tensor}/index.ts`]: "import { readFile } from 'node:fs';\nimport chalk from 'chalk';",
      'packages/autograd/src/grad.ts': "import { view } from '../../tensor/src/view.ts';",
      'packages/autograd/src/graph.ts': "import fc from 'fast-check';",
      'packages/autograd/src/testing/shapes.ts': "import fc from 'fast-check';",
      'packages/autograd/src/index.ts':
        "import '@tessera/dit';\nimport '@tessera/tensor/dist/view';",
      'packages/dit/src/index.ts': "export { apply } from '@tessera/tensor/extend';",
      'packages/dit/src/data/idx.ts': "import { readFile } from 'node:fs';",
      'packages/dit/src/cli/main.ts':
        "import { argv } from 'node:process';\nimport * as v from 'valibot';",
      'test/view.test.ts': "import { view } from '../packages/tensor/src/view.ts';",
      'benchmarks/step.ts':
        "import { expect } from 'vitest';\nimport { apply } from '@tessera/tensor/extend';",
    },
    complaints: [
      `${tensor}/index.ts:1: must not import node:fs: the core runs in every JavaScript engine and depends on nothing`,
      `${tensor}/index.ts:2: chalk is no dependency of @tessera/tensor`,
      'packages/autograd/src/grad.ts:1: reaches into ../../tensor/src/view.ts instead of a public entry',
      'packages/autograd/src/graph.ts:1: must not import fast-check, which is optional in @tessera/autograd',
      'packages/autograd/src/index.ts:1: @tessera/autograd must not import @tessera/dit: differentiation is an extension of the tensor package, made with its extension API',
      'packages/autograd/src/index.ts:2: @tessera/tensor/dist/view is no public entry',
      'packages/dit/src/index.ts:1: @tessera/dit must not import @tessera/tensor/extend: a model is written with public APIs only, and its mathematics runs in a browser too',
      'packages/dit/src/data/idx.ts:1: must not import node:fs: a model is written with public APIs only, and its mathematics runs in a browser too',
      'test/view.test.ts:1: reaches into ../packages/tensor/src/view.ts instead of a public entry',
    ],
  },
  {
    rule: 'no export *',
    files: {
      [`${tensor}/index.ts`]: "export * from './shape.ts';\nexport { a } from './shape.ts';",
    },
    complaints: [`${tensor}/index.ts:1: export *`],
  },
  {
    rule: 'private members',
    files: {
      [`${tensor}/tree.ts`]:
        'export class Tree {\n  private leaf = 0;\n  #root = 0;\n  private constructor() {}\n}',
    },
    complaints: [`${tensor}/tree.ts:2: private`],
  },
  {
    rule: 'modules are trees',
    files: {
      'packages/autograd/src/nn/linear.ts':
        'export class Linear extends Module {\n  #norm() {}\n}\nexport class Store {\n  #bytes = 0;\n}',
    },
    complaints: ['packages/autograd/src/nn/linear.ts:1: #norm'],
  },
  {
    rule: 'file names',
    files: {
      [`${tensor}/ops/math-utils.ts`]: '',
      'test/common.test.ts': '',
      [`${tensor}/ops/softMax.ts`]: '',
      [`${tensor}/ops/log-softmax.ts`]: '',
    },
    complaints: [
      `${tensor}/ops/math-utils.ts: 'utils' does not say what is inside`,
      "test/common.test.ts: 'common' does not say what is inside",
      `${tensor}/ops/softMax.ts: not kebab-case`,
    ],
  },
  {
    rule: 'rooms',
    files: {
      [`${tensor}/backends/wasm/kernel/cost.ts`]: "import { tile } from '../product/tile.ts';",
      [`${tensor}/backends/wasm/product/tile.ts`]: "import { code } from '../assembler/code.ts';",
      [`${tensor}/backends/wasm/assembler/code.ts`]: '',
      [`${tensor}/backends/wasm/wasm.ts`]: "import { tile } from './product/tile.ts';",
      [`${tensor}/backends/wasm/attic/old.ts`]: "import { code } from '../assembler/code.ts';",
    },
    complaints: [
      `${tensor}/backends/wasm/kernel/cost.ts:1: imports ${tensor}/backends/wasm/product/tile.ts, but 'kernel' comes first: what the code of every kernel is written with`,
      `${tensor}/backends/wasm/attic/old.ts:1: stands in no room of ${tensor}/backends/wasm`,
    ],
  },
  {
    rule: 'folder size',
    files: Object.fromEntries(
      Array.from({ length: MAX_FILES + 1 }, (_, i) => [`${tensor}/ops/op${i}.ts`, '']),
    ),
    complaints: [`${tensor}/ops: ${MAX_FILES + 1} files, more than ${MAX_FILES}`],
  },
  {
    rule: 'header line',
    files: {
      [`${tensor}/array/view.ts`]: '// Strided views: how a shape reads memory.\n\nexport {};',
      [`${tensor}/array/shape.ts`]: "/** Shapes. */\nimport './view.ts';",
      [`${tensor}/array/dtype.ts`]: '// Element types\n',
      [`${tensor}/io/foreign-elements.ts`]: '// The foreign elements.\n',
      [`${tensor}/tree.ts`]: '/// <reference lib="esnext.disposable" />\n',
      'packages/tensor/threads/thread.js': `// ${'x'.repeat(MAX_HEADER - 3)}.`,
      'packages/dit/bin/tessera.js': '#!/usr/bin/env node\n// Starts the `tessera` command.\n',
      'benchmarks/run.ts': `// ${'x'.repeat(MAX_HEADER - 4)}.`,
      'test/tensor/view.test.ts': '',
    },
    complaints: [
      `${tensor}/array/shape.ts: no header line '// Sentence.'`,
      `${tensor}/array/dtype.ts: the header line ends without a full stop`,
      `${tensor}/io/foreign-elements.ts: the header line only repeats the name of the file`,
      `${tensor}/tree.ts: no header line '// Sentence.'`,
      `packages/tensor/threads/thread.js: a header line of ${MAX_HEADER + 1} columns`,
    ],
  },
  {
    rule: 'file length',
    files: {
      [`${tensor}/array/view.ts`]: `${'\n'.repeat(MAX_LINES)};\n`,
      [`${tensor}/shape.ts`]: `${'\n'.repeat(MAX_LINES - 1)};\n`,
      [`${tensor}/tensor.ts`]: `// The Tensor class.${'\n'.repeat(MAX_LINES)};\n`,
    },
    complaints: [`${tensor}/array/view.ts: ${MAX_LINES + 1} lines, more than ${MAX_LINES}`],
  },
  {
    rule: 'docstrings',
    files: {
      [`${tensor}/array/view.ts`]: `/** Documented. */\nexport function a(x: string): string;\nexport function a(x: number): number;\nexport class Bare {}\n`,
      'test/tensor/cases.ts': 'export const cases = [];',
    },
    complaints: [`${tensor}/array/view.ts:4: Bare has no docstring`],
  },
  {
    rule: 'no silenced tools',
    files: { [`${tensor}/array/view.ts`]: `const a = 1;\n// ${silencer}\nconst b: string = a;` },
    complaints: [`${tensor}/array/view.ts:2: ${silencer}`],
  },
  {
    rule: 'passes read traits',
    files: {
      [`${tensor}/compile/fuse.ts`]: [
        "if (operation.name === 'matmul') fold();",
        "if (operation.kind === 'literal') fold();",
        'if (operation === pointwise.add) fold();',
        'write(movement.expand, [x], { shape });',
      ].join('\n'),
      [`${tensor}/backends/cpu/cpu.ts`]: "if (kernel.name === 'matmul') run();",
    },
    complaints: [
      `${tensor}/compile/fuse.ts:1: mentions the operation 'matmul'`,
      `${tensor}/compile/fuse.ts:3: compares with the operation pointwise.add`,
    ],
  },
];

describe('a broken rule is reported', () => {
  it.each(cases)('$rule ($#)', ({ rule, files, complaints }) => {
    const project = parseProject(new Map(Object.entries(files)), madeUpPackages());
    const checked = rules.filter(({ name }) => name === rule);
    expect(checked).toHaveLength(1);
    expect(checked[0].check(project)).toEqual(complaints);
  });

  it('every rule has a case that breaks it', () => {
    const broken = cases.filter(({ complaints }) => complaints.length > 0).map(({ rule }) => rule);
    expect(new Set(broken)).toEqual(new Set(rules.map(({ name }) => name)));
  });
});

function madeUpPackages(): readonly WorkspacePackage[] {
  const entry = (file: string): { 'tessera-source': string } => ({ 'tessera-source': file });
  return [
    {
      folder: 'packages/tensor',
      manifest: {
        name: '@tessera/tensor',
        exports: { '.': entry('./src/index.ts'), './extend': entry('./src/extend.ts') },
      },
    },
    {
      folder: 'packages/autograd',
      manifest: {
        name: '@tessera/autograd',
        exports: { '.': entry('./src/index.ts') },
        dependencies: { '@tessera/tensor': '0.1.0' },
        peerDependencies: { 'fast-check': '^4.0.0' },
      },
    },
    {
      folder: 'packages/dit',
      manifest: {
        name: '@tessera/dit',
        exports: { '.': entry('./src/index.ts') },
        dependencies: { valibot: '1.0.0' },
      },
    },
  ];
}

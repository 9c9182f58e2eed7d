/** Who may import whom, as data. `rules.ts` enforces it; a file that is on no row is an error. */

/** One layer of a package: a row of the table. */
export interface Layer {
  readonly name: string;
  /** Files, or folders with a `/` at the end, inside `src`. A row that names the file itself wins. */
  readonly files: readonly string[];
  /** Why the layer stands here. */
  readonly reason: string;
  /** Higher layers whose types it may mention: such imports are erased and run nothing. */
  readonly mentions?: readonly string[];
  /** The only layers it may import, instead of all lower ones. */
  readonly only?: readonly string[];
  /** Whether its folders are independent: none imports another. */
  readonly separate?: boolean;
}

/** What a package may import besides its own files. */
export interface Boundary {
  readonly package: string;
  readonly entries: readonly string[];
  /** Files and folders inside `src` that may use Node's own modules. */
  readonly node: readonly string[];
  /** For each optional peer dependency, the files and folders inside `src` that may use it. */
  readonly peers?: { readonly [dependency: string]: readonly string[] };
  readonly reason: string;
}

/** The layers of `@tessera/tensor`, lowest first: a file imports from its own row and the rows above it. */
const tensorLayers: readonly Layer[] = [
  { name: 'errors', files: ['errors.ts'], reason: 'everything may fail' },
  {
    name: 'arguments',
    files: ['arguments.ts'],
    reason: 'what a caller passed is described before anything is known of it',
  },
  { name: 'dtype', files: ['dtype.ts'], reason: 'what an element is' },
  { name: 'shape', files: ['shape.ts'], reason: 'index arithmetic needs no elements' },
  { name: 'view', files: ['view.ts'], reason: 'a view is a shape with strides' },
  { name: 'elements', files: ['elements.ts'], reason: 'elements are read through views' },
  {
    name: 'primitives',
    files: ['primitives/'],
    mentions: ['plan', 'backends'],
    reason: 'the instruction set is about shapes and numbers: it knows no Tensor',
  },
  {
    name: 'plan',
    files: ['compile/kernel.ts', 'compile/plan.ts'],
    mentions: ['composites'],
    reason: 'a plan is all that a backend sees: kernels over buffers, no tensors',
  },
  {
    name: 'backend',
    files: ['backend.ts'],
    only: ['dtype', 'plan'],
    reason: 'the interface of a backend speaks of plans and arrays only',
  },
  {
    name: 'collector',
    files: ['collector.ts'],
    only: [],
    reason: 'every backend gives back what nobody holds any more; it knows nothing of what is held',
  },
  {
    name: 'backends',
    files: ['backends/'],
    mentions: ['composites'],
    separate: true,
    reason: 'a backend runs plans; it knows neither tensors nor another backend',
  },
  {
    name: 'passes',
    files: ['compile/'],
    mentions: ['composites'],
    only: ['errors', 'dtype', 'shape', 'view', 'primitives', 'plan', 'backend'],
    reason: 'passes turn a program into a plan on any backend and without tensors',
  },
  {
    name: 'interpreter',
    files: ['interpreter.ts'],
    mentions: ['tensor', 'composites'],
    only: ['errors', 'primitives'],
    reason: 'the seam hands tensors on without looking into them',
  },
  {
    name: 'methods',
    files: ['methods/'],
    mentions: ['tensor'],
    only: [
      'errors',
      'arguments',
      'dtype',
      'shape',
      'view',
      'elements',
      'primitives',
      'interpreter',
    ],
    reason: 'what a method does: it applies primitives through the seam, whoever runs them',
  },
  {
    name: 'tensor',
    files: ['tensor.ts'],
    only: [
      'errors',
      'arguments',
      'dtype',
      'shape',
      'view',
      'elements',
      'primitives',
      'backend',
      'interpreter',
      'methods',
    ],
    reason: 'the handle and the list of its methods',
  },
  { name: 'default backend', files: ['default-backend.ts'], reason: 'new tensors live somewhere' },
  { name: 'tree', files: ['tree.ts'], reason: 'trees have tensors as leaves' },
  { name: 'create', files: ['create.ts'], reason: 'tensors from numbers, on the default backend' },
  { name: 'random', files: ['random.ts'], reason: 'a key is a tensor' },
  {
    name: 'composites',
    files: ['composites/'],
    reason: 'a composite is defined by tensor methods',
  },
  { name: 'ops', files: ['ops/'], reason: 'functions over tensors and composites' },
  {
    name: 'linalg',
    files: ['linalg/'],
    reason:
      'operations in plain code are functions of tensors that bring their kernels and gradients along',
  },
  {
    name: 'io',
    files: ['io/'],
    only: ['errors', 'arguments', 'dtype', 'shape', 'tensor', 'create'],
    reason: 'formats are about bytes and shapes on one side, and tensors of them on the other',
  },
  {
    name: 'eager',
    files: ['eager.ts'],
    reason: 'evaluating runs a plan of one instruction and hands out tensors',
  },
  {
    name: 'compile',
    files: ['compile/trace.ts', 'compile/variant.ts', 'compile/compile.ts'],
    reason: 'tracing runs tensor code, so it stands above all that users call',
  },
  {
    name: 'entries',
    files: ['index.ts', 'extend.ts', 'linalg.ts', 'gpu.ts'],
    reason: 'the public names',
  },
];

/** The layers of each package that has them. */
export const layers: { readonly [packageName: string]: readonly Layer[] } = {
  '@tessera/tensor': tensorLayers,
};

/** The edges between packages and to the outside. */
export const boundaries: readonly Boundary[] = [
  {
    package: '@tessera/tensor',
    entries: [],
    node: [],
    peers: { 'gpu.js': ['backends/gpu/'], webgpu: ['backends/gpu/'] },
    reason: 'the core runs in every JavaScript engine and depends on nothing',
  },
  {
    package: '@tessera/autograd',
    entries: ['@tessera/tensor', '@tessera/tensor/extend'],
    node: [],
    peers: { 'fast-check': ['testing/'] },
    reason: 'differentiation is an extension of the tensor package, made with its extension API',
  },
  {
    package: '@tessera/dit',
    entries: [
      '@tessera/tensor',
      '@tessera/tensor/gpu',
      '@tessera/autograd',
      '@tessera/autograd/nn',
      '@tessera/autograd/optim',
    ],
    node: [
      'node.ts',
      'cli/',
      'data/idx-file.ts',
      'data/mnist.ts',
      'pictures/',
      'run/',
      'sample/sample-grid.ts',
      'sample/sample-run.ts',
      'train/pictures.ts',
      'train/train.ts',
    ],
    reason: 'a model is written with public APIs only, and its mathematics runs in a browser too',
  },
];

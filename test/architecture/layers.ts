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
  /** For each further entry, the files inside `src` that may import it. */
  readonly inside?: { readonly [entry: string]: readonly string[] };
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
  { name: 'dtype', files: ['array/dtype.ts'], reason: 'what an element is' },
  { name: 'shape', files: ['array/shape.ts'], reason: 'index arithmetic needs no elements' },
  { name: 'view', files: ['array/view.ts'], reason: 'a view is a shape with strides' },
  { name: 'elements', files: ['array/elements.ts'], reason: 'elements are read through views' },
  {
    name: 'primitives',
    files: ['primitives/'],
    mentions: ['plan', 'backends'],
    reason: 'the instruction set is about shapes and numbers: it knows no Tensor',
  },
  {
    name: 'plan',
    files: ['plan/'],
    reason: 'a plan is all that a backend sees: kernels over buffers, no tensors',
  },
  {
    name: 'backend',
    files: ['backends/backend.ts'],
    only: ['errors', 'dtype', 'plan'],
    reason: 'the interface of a backend speaks of plans and arrays only',
  },
  {
    name: 'collector',
    files: ['backends/collector.ts'],
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
    name: 'program',
    files: ['compile/program.ts'],
    only: ['errors', 'shape', 'primitives', 'backend'],
    reason: 'a program is operations over variables: what passes read and write',
  },
  {
    name: 'fuse',
    files: ['compile/fuse/'],
    only: ['errors', 'dtype', 'shape', 'view', 'primitives', 'plan', 'program'],
    reason: 'the pass that cuts a program into kernels',
  },
  {
    name: 'passes',
    files: ['compile/'],
    only: ['errors', 'dtype', 'shape', 'view', 'primitives', 'plan', 'backend', 'program', 'fuse'],
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
    name: 'scope',
    files: ['scope.ts'],
    only: [],
    reason: 'the names of calls are for readers: nothing that computes looks at them',
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
  {
    name: 'default backend',
    files: ['backends/default-backend.ts'],
    reason: 'new tensors live somewhere',
  },
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
    name: 'testing',
    files: ['testing/'],
    reason: 'what tests of programs call; nothing else knows of it',
  },
  {
    name: 'entries',
    files: ['index.ts', 'extend.ts', 'linalg.ts', 'gpu.ts'],
    reason: 'the public names',
  },
];

/** The layers of `@tessera/studio`, lowest first. */
const studioLayers: readonly Layer[] = [
  { name: 'state', files: ['state/'], reason: 'an address is text, whatever a room keeps in it' },
  {
    name: 'engine',
    files: ['engine/'],
    only: [],
    reason: 'a worker runs any service, and shows nothing by itself',
  },
  { name: 'parts', files: ['parts/'], reason: 'what several rooms show, whatever it means there' },
  {
    name: 'code',
    files: ['code/'],
    reason: 'a reader writes code in more than one room: it is run and drawn in one way',
  },
  {
    name: 'rooms',
    files: ['rooms/'],
    separate: true,
    reason: 'a room is loaded when it is opened, without the others',
  },
  {
    name: 'page',
    files: [
      'service-table.ts',
      'engine-worker.ts',
      'webgpu-worker.ts',
      'room-table.ts',
      'studio.svelte',
      'main.ts',
    ],
    reason: 'the page and its worker know all rooms',
  },
];

/** The layers of `@tessera/onnx`, lowest first. */
const onnxLayers: readonly Layer[] = [
  { name: 'graph', files: ['graph/'], reason: 'nodes, constants and bytes, whatever they compute' },
  { name: 'rules', files: ['rules/'], reason: 'how a primitive is said in nodes of a graph' },
  {
    name: 'model',
    files: ['captured.ts', 'signature.ts', 'to-onnx.ts', 'metadata.ts'],
    reason: 'a whole function with its names, instruction by instruction',
  },
  { name: 'entry', files: ['index.ts'], reason: 'the public names' },
];

/** The layers of each package that has them. */
export const layers: { readonly [packageName: string]: readonly Layer[] } = {
  '@tessera/tensor': tensorLayers,
  '@tessera/onnx': onnxLayers,
  '@tessera/studio': studioLayers,
};

/** The folders inside of a folder, in the order in which work passes them. */
export interface Rooms {
  readonly folder: string;
  /**
   * Lowest first: a file imports from its own room and the rooms before it. Files of the folder itself come
   * last, and import from every room.
   */
  readonly rooms: readonly { readonly name: string; readonly reason: string }[];
}

/** Folders whose rooms have an order. */
export const roomTables: readonly Rooms[] = [
  {
    folder: 'packages/tensor/src/backends/wasm',
    rooms: [
      { name: 'assembler', reason: 'bytes of WebAssembly, whatever they compute' },
      { name: 'kernel', reason: 'what the code of every kernel is written with' },
      { name: 'host', reason: 'threads, and what the engine around us has' },
      { name: 'memory', reason: 'blocks of the one memory, and tensors in them' },
      { name: 'elementwise', reason: 'maps and reductions of fused expressions' },
      { name: 'product', reason: 'matrix products, and work on their result' },
      { name: 'rows', reason: 'softmax and layerNorm, a row at a time' },
      { name: 'indexing', reason: 'reads and writes at computed places' },
      { name: 'attention', reason: 'made of products and rows' },
      { name: 'conv2d', reason: 'made of products' },
      { name: 'program', reason: 'kernels of a plan in one module, and who waits for whom' },
    ],
  },
  {
    folder: 'packages/tensor/src/backends/gpu',
    rooms: [
      { name: 'kernel', reason: 'what the text of every kernel is written with' },
      { name: 'elementwise', reason: 'maps and reductions of fused expressions' },
      { name: 'product', reason: 'matrix products and convolutions' },
      { name: 'rows', reason: 'softmax, layerNorm and sorting, a row at a time' },
      { name: 'indexing', reason: 'reads and writes at computed places' },
      { name: 'attention', reason: 'made of products and rows' },
      { name: 'device', reason: 'what runs kernels, its failures and its report' },
      { name: 'engines', reason: 'three ways to run kernels on devices' },
      { name: 'run', reason: 'a plan as kernels on an engine' },
      { name: 'start', reason: 'which device, which engine, which forms of kernels' },
    ],
  },
  {
    folder: 'packages/tensor/src/ops',
    rooms: [
      { name: 'elementwise', reason: 'one element at a time' },
      { name: 'product', reason: 'sums of products' },
      { name: 'indexing', reason: 'elements by their places' },
      { name: 'arrangement', reason: 'the same elements in another order or shape' },
      { name: 'reduction', reason: 'axes that disappear or are summed along' },
      { name: 'network', reason: 'functions of neural networks' },
      { name: 'creation', reason: 'new tensors like others, and drawn ones' },
    ],
  },
  {
    folder: 'packages/dit/src/diffusion',
    rooms: [
      { name: 'schedule', reason: 'how much noise each timestep holds: tables of numbers' },
      { name: 'process', reason: 'noising, and what a prediction says about both ends' },
      { name: 'objective', reason: 'what a model is trained on' },
      { name: 'sampler', reason: 'from noise to latents with a model, whatever trained it' },
      { name: 'guidance', reason: 'a conditional model as one function of latent and timestep' },
    ],
  },
  {
    folder: 'packages/dit/src',
    rooms: [
      { name: 'config', reason: 'what a run is made of, as plain values: it computes nothing' },
      { name: 'pictures', reason: 'numbers to PNG: it knows neither models nor runs' },
      { name: 'diffusion', reason: 'mathematics over any function that predicts' },
      { name: 'model', reason: 'the Diffusion Transformer, whoever trains or samples it' },
      { name: 'autoencoder', reason: 'images to latents and back, whatever happens to latents' },
      { name: 'run', reason: 'files and the backend of a run, whatever goes into them' },
      { name: 'data', reason: 'images and labels, from files whose errors the run words' },
      { name: 'codec', reason: 'what stands between data and model, on images and latents alike' },
      { name: 'shard', reason: 'parts of a work for a job array, and their files' },
      { name: 'sample', reason: 'new images from a trained run' },
      { name: 'train', reason: 'a run from images to weights, and the samples on its way' },
      { name: 'exchange', reason: 'runs for other programs, and back' },
      { name: 'inspect', reason: 'what models cost, told by the programs of what comes before' },
      { name: 'evaluate', reason: 'how good a trained run is, beside real images' },
      { name: 'report', reason: 'what the folder of a run tells, in words and pictures' },
      { name: 'scale', reason: 'many trainings of one recipe, put together as a report is' },
      { name: 'learn', reason: 'the exercises of the tour, which know nothing of runs' },
      { name: 'cli', reason: 'the words of a user, to what the rooms before it do' },
    ],
  },
];

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
    package: '@tessera/onnx',
    entries: ['@tessera/tensor', '@tessera/tensor/extend'],
    node: [],
    reason: 'a model is written from a program, wherever the function was traced: in a page too',
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
    // Costs are counted in programs. The training step chooses a pass of the compiler, and keeps micro-batches
    // apart in the program.
    inside: {
      '@tessera/tensor/extend': [
        'inspect/detail.ts',
        'model/counts.ts',
        'train/step.ts',
        'train/accumulate.ts',
      ],
      // A step that went wrong is repeated in checked mode.
      '@tessera/autograd/debug': [
        'train/anomaly/anomaly-text.ts',
        'train/anomaly/explain.ts',
        'train/anomaly/replay.ts',
      ],
      // Parts of a run are written as models.
      '@tessera/onnx': [
        'exchange/onnx/codec.ts',
        'exchange/onnx/denoiser.ts',
        'exchange/onnx/export-onnx.ts',
        'exchange/onnx/training-step.ts',
      ],
      // Distances of Gaussians are computed in float64.
      '@tessera/tensor/linalg': ['evaluate/features.ts', 'evaluate/frechet.ts'],
    },
    node: [
      'node.ts',
      'cli/',
      'data/idx-file.ts',
      'data/mnist.ts',
      'evaluate/ruler.ts',
      'exchange/',
      'data/read-data.ts',
      'data/readers/',
      'pictures/',
      'report/',
      'run/',
      'sample/image-file.ts',
      'sample/map-file.ts',
      'sample/output/drawn-parts.ts',
      'sample/sample-grid.ts',
      'sample/sample-run.ts',
      'train/evaluation/best-keeper.ts',
      'train/anomaly/explain.ts',
      'scale/',
      'shard/parts.ts',
      'train/latents/latent-cache.ts',
      'train/latents/shared-latents.ts',
      'train/pictures.ts',
      'train/resume/',
      'train/stages/stage.ts',
      'train/train.ts',
    ],
    reason: 'a model is written with public APIs only, and its mathematics runs in a browser too',
  },
  {
    package: '@tessera/studio',
    entries: [
      '@tessera/tensor',
      '@tessera/tensor/extend',
      '@tessera/tensor/gpu',
      '@tessera/tensor/linalg',
      '@tessera/autograd',
      '@tessera/autograd/debug',
      '@tessera/autograd/nn',
      '@tessera/autograd/optim',
      '@tessera/dit',
    ],
    node: [],
    reason: 'pages use what any page may use, and nothing of Node',
  },
];

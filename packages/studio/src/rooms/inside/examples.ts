// Ready-made code of the room: the examples of the tour, and a whole model and training step.

/** Code that the room starts with. */
export interface Example {
  /** Its name in the address. */
  readonly name: string;
  readonly title: string;
  readonly code: string;
}

/** The examples, from one line to a training step. The first is there at the start. */
export const EXAMPLES: readonly [Example, ...Example[]] = [
  {
    name: 'sine',
    title: 'Three operations (tour 3)',
    code: `// A function of tensors, and where to look at it.
const f = (x) => x.mul(x).sin().sum();

look(f, tensor([1, 2]));
`,
  },
  {
    name: 'bias',
    title: 'A layer: a bias is repeated (tour 3)',
    code: `const layer = (x, w, b) => x.matmul(w).add(b).tanh().square().mean();

const x = normal(key(0), [4, 3]);
const w = normal(key(1), [3, 2]);
look(layer, x, w, zeros([2]));
`,
  },
  {
    name: 'twice',
    title: 'Used twice: cotangents add up (tour 4)',
    code: `// The loop leaves no trace: three products that all read x.
const power = (x, n) => {
  let y = x;
  for (let i = 1; i < n; i++) y = y.mul(x);
  return y;
};

look((x) => power(x, 4), scalar(2));
`,
  },
  {
    name: 'second',
    title: 'Derivative of a derivative (tour 5)',
    code: `// Choose the tape of the gradient above: it is made of operations too.
const f = (x) => x.pow(3).sum();

look(f, tensor([1, 2, 3]));
`,
  },
  {
    name: 'stop',
    title: 'A gradient that is stopped (tour 5)',
    code: `// Without the stop the slope at 3 would be 6.
const f = (x) => x.mul(stopGradient(x));

look(f, scalar(3));
`,
  },
  {
    name: 'softmax',
    title: 'Attention of three tokens',
    code: `const attend = (q, k, v) => softmax(q.matmul(k.transpose()).div(Math.sqrt(4))).matmul(v);

const [q, k, v] = [0, 1, 2].map((i) => normal(key(i), [3, 4]));
look((...qkv) => attend(...qkv).square().sum(), q, k, v);
`,
  },
  {
    name: 'mlp',
    title: 'A network of modules (tour 3)',
    code: `const net = new Sequential(
  new Linear(4, 8, { key: key(0) }),
  (x) => gelu(x),
  new Linear(8, 2, { key: key(1) }),
);
const loss = (model, x) => model.forward(x).square().mean();

look(loss, net, normal(key(2), [5, 4]));
`,
  },
  {
    name: 'block',
    title: 'A block of a DiT (tour 10)',
    code: `// adaLN-Zero: the condition gives shifts, scales and gates.
const { blocks } = DiT.init(presetConfig('smoke').model, key(0));
// A new block is the identity. Some noise opens its gates.
const block = tree.map((w) => w.add(normal(key(1), w.shape).mul(0.02)), blocks[0]);
const loss = (model, tokens, condition) => model.forward(tokens, condition).square().mean();

look(loss, block, normal(key(2), [2, 4, 96]), normal(key(3), [2, 96]));
`,
  },
  {
    name: 'step',
    title: 'A whole training step of a DiT',
    code: `// Forward, backward and AdamW of the preset smoke, as one function.
const { model: config } = presetConfig('smoke');
const model = DiT.init(config, key(0));
const optimizer = adamw();

const t = tensor([100, 700], { dtype: 'int32' });
const labels = tensor([3, 7], { dtype: 'int32' });
const loss = (model, x, noise) => model.forward(x, t, labels).sub(noise).square().mean();

const step = (model, state, x, noise) => {
  const { value, grads } = named('gradient', () => valueAndGrad(loss)(model, x, noise));
  const options = { learningRate: 1e-3 };
  const { params, state: next } = named('AdamW', () => optimizer.update(grads, state, model, options));
  return [value, params, next];
};

const [x, noise] = [1, 2].map((i) => normal(key(i), [2, 4, 8, 8]));
look(step, model, optimizer.init(model), x, noise);
`,
  },
];

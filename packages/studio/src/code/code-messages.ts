// What rooms and the worker of a reader's code tell each other.

/** Code to run, and of which derivative the tape is. */
export interface RunInput {
  readonly code: string;
  /** 0 the function itself, 1 its gradient, 2 the gradient of that, and so on. */
  readonly order: number;
  /** Whether code that asks to look at nothing is a mistake; if not, it is fine that it only prints. */
  readonly mustLook: boolean;
  /** The module whose names count where several have the same, such as `@tessera/tensor/extend`; `null` for none. */
  readonly favoured: string | null;
}

/** Code that ran, and asked to look at nothing. */
export interface RanFacts {
  readonly kind: 'ran';
  readonly printed: readonly string[];
  readonly milliseconds: number;
}

/** What went wrong in a reader's code. */
export interface CodeProblem {
  readonly kind: 'problem';
  readonly name: string;
  readonly message: string;
  /** The line of the code, from 1; `null` where it is not known. */
  readonly line: number | null;
  /** Whether the code is no JavaScript. The page then looks for the line by itself. */
  readonly isSyntax: boolean;
  readonly printed: readonly string[];
}

/** The tape of a function that ran. */
export interface TapeFacts {
  readonly kind: 'tape';
  /** What each node applies, in order: `v1 = sin(v0)`. */
  readonly nodes: readonly string[];
  /** Which nodes a cotangent reaches. */
  readonly isReached: readonly boolean[];
  /** What the code printed. */
  readonly printed: readonly string[];
  readonly milliseconds: number;
}

/** A leaf, a node or a folded module, as it is drawn. */
export interface TapeBox {
  readonly kind: 'leaf' | 'node' | 'folded';
  readonly id: string;
  /** `v1 = sin(v0)` */
  readonly title: string;
  /** Types of its results: `float32[2]`. */
  readonly spec: string;
  /** What its first result holds, in a few words. */
  readonly value: string;
  /** The cotangent of its first result in a few words; `null` if none arrives. */
  readonly cotangent: string | null;
  /** The path of a folded module. */
  readonly path: string | null;
  /** Its first and last node; for a leaf the first node that reads it. */
  readonly first: number;
  readonly last: number;
}

/** An open module with what is in it. */
export interface TapeFrame {
  readonly kind: 'open';
  readonly id: string;
  readonly title: string;
  readonly path: string;
  readonly boxes: readonly (TapeBox | TapeFrame)[];
}

/** An operand that carries a gradient, from box to box. */
export interface TapeEdge {
  readonly from: string;
  readonly to: string;
}

/** The tape with some modules open. */
export interface TapeDrawing {
  readonly boxes: readonly (TapeBox | TapeFrame)[];
  readonly edges: readonly TapeEdge[];
}

/** The elements of a tensor as rows and columns, as many as a page can show. */
export interface Numbers {
  /** `float32[2, 3]` */
  readonly spec: string;
  readonly rows: number;
  readonly columns: number;
  /** Row-major, `rows × columns`. */
  readonly values: Float32Array;
  /** Whether there are more elements than these. */
  readonly isPart: boolean;
  readonly least: number;
  readonly most: number;
  readonly mean: number;
  readonly deviation: number;
  readonly norm: number;
  /** How many elements are NaN or infinite. */
  readonly notFinite: number;
}

/** An operand of a node. */
export interface OperandFacts {
  /** Its name on the tape, or its number, or its type. */
  readonly name: string;
  /** The box that makes it, if it stands in the drawing. */
  readonly box: string | null;
  /** What flows back along it: `ā = ȳ·b`; `null` if nothing does. */
  readonly formula: string | null;
}

/** A result of a box. */
export interface ResultFacts {
  readonly name: string;
  readonly value: Numbers;
  readonly cotangent: Numbers | null;
}

/** All about one box. */
export interface BoxFacts {
  readonly id: string;
  readonly title: string;
  /** What the box is: an input, an operation with its class, a module. */
  readonly what: string;
  /** `y = a·b`, if it is one node. */
  readonly rule: string | null;
  readonly operands: readonly OperandFacts[];
  readonly results: readonly ResultFacts[];
  /** The path of the modules around it. */
  readonly path: string | null;
}

/** An instruction of a program, and what the next stage of the compiler made of it. */
export interface StageLine {
  /** `v1: float32[2] = sin(v0)` */
  readonly text: string;
  /** The path of the module call that it comes from. */
  readonly path: string | null;
  /** Numbers of the instructions or kernels of the next stage that compute it. */
  readonly becomes: readonly number[];
  /** What happened to it, in a few words; empty if it stayed as it is. */
  readonly fate: string;
}

/** A kernel of a plan. */
export interface KernelFacts {
  /** `map [2, 3]` */
  readonly title: string;
  /** What it computes: `out0: float32[2] = map [2] sin(mul(in0, in0))`. */
  readonly text: string;
  /** Numbers of the simplified instructions that it computes. */
  readonly instructions: readonly number[];
  /** The paths of the module calls that it computes parts of. */
  readonly paths: readonly string[];
  /** Names of buffers: `in0`, `tmp3`, `out1`. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

/** A temporary of a plan: its place in the arena, and its life from the first kernel to the last that uses it. */
export interface ArenaBuffer {
  /** `tmp3` */
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/** All stages of the compiler for a function. */
export interface CompiledFacts {
  readonly kind: 'compiled';
  /** Tensors that the function is given. */
  readonly inputs: number;
  readonly traced: readonly StageLine[];
  readonly simplified: readonly StageLine[];
  readonly kernels: readonly KernelFacts[];
  readonly buffers: readonly ArenaBuffer[];
  readonly arenaBytes: number;
  /** Floating point operations of one run. */
  readonly flops: number;
  readonly milliseconds: number;
}

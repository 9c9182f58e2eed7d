// A forward pass that also tells attention weights, gates and the condition of every block.

import { observe, SelfAttention } from '@tessera/autograd/nn';
import { checkOptions, checkTensors, ValueError, type Tensor } from '@tessera/tensor';
import { checkFields } from '../config/argument-check.ts';
import type { Block } from './blocks/block.ts';
import { GatedBlock } from './blocks/gated-block.ts';
import { RotaryAttention } from './blocks/rotary-attention.ts';
import type { Conditioning } from './conditions/conditions.ts';
import type { DiT, ForwardOptions } from './dit.ts';

/** What a block computed on the way. */
export interface ObservedBlock {
  /** `[B, N, T, T]`: how much each token attends to each, head by head. Rows sum to 1. */
  readonly attention: Tensor;
  /** What attention and MLP count, `[B, D]` each; `null` for a design without gates. */
  readonly gates: { readonly attn: Tensor; readonly mlp: Tensor } | null;
  /** What the block is told: `[B, D]`, or `[B, 2, D]` where timestep and label stay apart. */
  readonly condition: Tensor;
}

/** A forward pass and what happened in it. */
export interface ObservedForward {
  /** As {@link DiT.forward} gives it, to the bit. */
  readonly output: Tensor;
  readonly blocks: readonly ObservedBlock[];
}

/**
 * The forward pass of a model, with what its blocks compute on the way. The attention weights come from the layer's own
 * queries and keys. T counts all tokens of self-attention: with in-context conditioning timestep and label stand
 * before the patches. Compile it to compute nothing twice.
 *
 * @param x Noisy latents `[B, C, H, W]`.
 * @param t Timesteps `[B]`.
 * @param y As in {@link DiT.forward}.
 * @param options `end` and `towards`, as in {@link DiT.forward}.
 * @throws as {@link DiT.forward}
 * @example
 * const model = DiT.init({ ...zoo['DiT-S/8'], depth: 2, numClasses: 10 }, key(0));
 * const [t, y] = [tensor([999], { dtype: 'int32' }), tensor([7], { dtype: 'int32' })];
 * const { blocks } = observeForward(model, normal(key(1), [1, 4, 32, 32]), t, y);
 * blocks[0].attention; // float32[1, 6, 16, 16]
 * blocks[0].gates?.attn; // float32[1, 384]
 */
export function observeForward(
  model: DiT,
  x: Tensor,
  t: Tensor,
  y: Conditioning,
  options: Pick<ForwardOptions, 'end' | 'towards'> = {},
): ObservedForward {
  checkFields('observeForward', 'model', model, ['blocks', 'forward'], 'Give a DiT.');
  checkTensors('observeForward', { x, t });
  checkOptions('observeForward', options, ['end', 'towards']);
  const inputs = new Map<string, readonly Tensor[]>();
  const watched = observe(model, (path, _output, given) => inputs.set(path, given));
  const output = watched.forward(x, t, y, options);
  const blocks = model.blocks.map((block, i): ObservedBlock => {
    const [, condition] = inputs.get(`blocks.${i}`) ?? [];
    const [tokens] = inputs.get(`blocks.${i}.attn`) ?? [];
    return {
      attention: attentionOf(block).weights(tokens),
      gates: gatesOf(block, condition),
      condition,
    };
  });
  return { output, blocks };
}

function attentionOf(block: Block): SelfAttention | RotaryAttention {
  const attn = 'attn' in block ? block.attn : null;
  if (attn instanceof SelfAttention || attn instanceof RotaryAttention) return attn;
  throw new ValueError(
    'observeForward',
    `the block ${block.constructor.name} has no self-attention in its field attn. Use a model of the five designs.`,
  );
}

function gatesOf(block: Block, condition: Tensor): ObservedBlock['gates'] {
  if (!(block instanceof GatedBlock)) return null;
  const { attn, mlp } = block.modulations(condition);
  return { attn: attn.gate, mlp: mlp.gate };
}

// The rooms of the studio: a row for each, whose code is loaded when it is opened.

import type { Component } from 'svelte';

/** A room. */
export interface Room {
  /** Its name in the address, and the folder of its files. */
  readonly name: string;
  readonly title: string;
  /** What one does there, in a few words. */
  readonly purpose: string;
  /** Its service, if it computes as soon as it is open: the worker starts while the room is still loaded. */
  readonly service?: string;
  readonly load: () => Promise<{ readonly default: Component }>;
}

/** The rooms in the order of the navigation; the first is open at the start. */
export const rooms: readonly [Room, ...Room[]] = [
  {
    name: 'draw',
    title: 'Draw',
    purpose: 'Ask a Diffusion Transformer for digits, and watch them come out of noise.',
    service: 'draw',
    load: () => import('./rooms/draw/draw-room.svelte'),
  },
  {
    name: 'train',
    title: 'Train',
    purpose: 'Train one from nothing, and watch its digits become sharp.',
    service: 'train',
    load: () => import('./rooms/train/train-room.svelte'),
  },
  {
    name: 'inside',
    title: 'Look inside',
    purpose: 'Write a function of tensors, and see its tape and its gradient.',
    load: () => import('./rooms/inside/inside-room.svelte'),
  },
  {
    name: 'transformer',
    title: 'Inside the transformer',
    purpose: 'Follow one digit through the model: tokens, attention, gates, guidance.',
    service: 'transformer',
    load: () => import('./rooms/transformer/transformer-room.svelte'),
  },
  {
    name: 'read',
    title: 'Read',
    purpose: 'The tour, the glossary and the API reference.',
    load: () => import('./rooms/read/read-room.svelte'),
  },
];

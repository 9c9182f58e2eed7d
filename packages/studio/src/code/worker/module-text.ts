// The WebAssembly of a plan as text: what the backend hands to the browser is kept on its way.

import { wasmBackend, type WasmBackend } from '@tessera/tensor';
import type { Plan } from '@tessera/tensor/extend';

/** Lines that are shown at most. */
const MOST_LINES = 4000;

/** A backend that prepares plans and runs none. */
let preparing: WasmBackend | null = null;

/** The modules of a plan, one after the other, as WebAssembly text. */
export async function moduleTexts(plan: Plan): Promise<string> {
  const { BinaryReader, WasmDisassembler } = await import('wasmparser');
  preparing ??= wasmBackend({ threads: 1, wide: false });
  const lines = modulesOf(preparing, plan).flatMap((bytes) => {
    const reader = new BinaryReader();
    reader.setData(bytes.buffer, 0, bytes.byteLength);
    const disassembler = new WasmDisassembler();
    disassembler.disassembleChunk(reader);
    return disassembler.getResult().lines;
  });
  const rest = lines.length - MOST_LINES;
  const shown = lines.slice(0, MOST_LINES);
  return (rest > 0 ? [...shown, `;; and ${rest} lines more`] : shown).join('\n');
}

/** The bytes that a backend hands to the engine for a plan. */
function modulesOf(backend: WasmBackend, plan: Plan): readonly Uint8Array<ArrayBuffer>[] {
  const found: Uint8Array<ArrayBuffer>[] = [];
  const { Module } = WebAssembly;
  WebAssembly.Module = new Proxy(Module, {
    construct: (target, [bytes]: [Uint8Array<ArrayBuffer>]) => {
      found.push(bytes.slice());
      return new target(bytes);
    },
  });
  try {
    backend.prepare(plan, []).release?.();
  } finally {
    WebAssembly.Module = Module;
  }
  return found;
}

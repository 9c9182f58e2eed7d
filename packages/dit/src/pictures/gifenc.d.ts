// The part of gifenc that is used here; the library brings no types.

declare module 'gifenc' {
  type Palette = readonly (readonly number[])[];

  interface Frame {
    readonly palette?: Palette;
    /** Milliseconds. */
    readonly delay?: number;
    /** −1: once; 0: for ever. */
    readonly repeat?: number;
  }

  interface Encoder {
    writeFrame(index: Uint8Array, width: number, height: number, frame: Frame): void;
    finish(): void;
    bytes(): Uint8Array;
  }

  export interface Library {
    GIFEncoder(): Encoder;
    quantize(rgba: Uint8Array, colours: number): Palette;
    applyPalette(rgba: Uint8Array, palette: Palette): Uint8Array;
  }

  const library: Library;
  export default library;
  export const GIFEncoder: Library['GIFEncoder'] | undefined;
  export const quantize: Library['quantize'];
  export const applyPalette: Library['applyPalette'];
}

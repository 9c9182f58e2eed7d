// Turns SVG into PNG with one bundled font, so that pictures are equal on every machine.

/**
 * Turns SVG into PNG with the one font that comes along, so that every machine gives the same pixels.
 * The renderer (WebAssembly) and the font are loaded on the first picture.
 */

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Resvg } from '@resvg/resvg-wasm';

/** The family of the font that pictures are set in: Lato, regular and bold. */
export const PICTURE_FONT = 'Lato';

const FONT_FILES = ['400Regular/Lato_400Regular.ttf', '700Bold/Lato_700Bold.ttf'];

interface Renderer {
  readonly Resvg: typeof Resvg;
  readonly fonts: Uint8Array[];
}

let renderer: Promise<Renderer> | undefined;

async function loadRenderer(): Promise<Renderer> {
  const { resolve } = createRequire(import.meta.url);
  const library = await import('@resvg/resvg-wasm');
  await library.initWasm(readFile(resolve('@resvg/resvg-wasm/index_bg.wasm')));
  const fonts = FONT_FILES.map((file) => readFile(resolve(`@expo-google-fonts/lato/${file}`)));
  return { Resvg: library.Resvg, fonts: await Promise.all(fonts) };
}

/**
 * Draws an SVG picture; the same text gives the same bytes on every machine.
 *
 * @param svg the picture; text is set in {@link PICTURE_FONT}
 * @param zoom output pixels for one unit of the SVG
 * @returns the bytes of a PNG file
 */
export async function renderSvg(svg: string, zoom = 1): Promise<Uint8Array> {
  renderer ??= loadRenderer();
  const loaded = await renderer;
  const picture = new loaded.Resvg(svg, {
    background: 'white',
    fitTo: { mode: 'zoom', value: zoom },
    font: { loadSystemFonts: false, fontBuffers: loaded.fonts, defaultFontFamily: PICTURE_FONT },
  });
  try {
    return picture.render().asPng();
  } finally {
    picture.free();
  }
}

/** Makes text safe inside SVG: `&`, `<`, `>` and quotes become entities. */
export function escapeXml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

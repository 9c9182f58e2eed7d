// The WebGPU adapter of this browser, if it gives one, and whether it is a GPU at all.

/** An adapter as a page names it. */
export interface Adapter {
  readonly name: string;
  /** Whether it computes on the processor. */
  readonly isSoftware: boolean;
}

/** Adapters that compute on the processor, by words in what they say of themselves. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|basic render|software/i;

/** Asks the browser for an adapter; `null` if it gives none. */
export async function findAdapter(): Promise<Adapter | null> {
  const gpu = navigator.gpu as GPU | undefined; // secure contexts of some browsers alone have it
  const adapter = await gpu
    ?.requestAdapter({ powerPreference: 'high-performance' })
    .catch(() => null);
  if (adapter === undefined || adapter === null) return null;
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const words = [...new Set([vendor, architecture, device, description])].filter(Boolean);
  const name = words.join(' ') || 'a GPU without a name';
  return { name, isSoftware: isFallbackAdapter || SOFTWARE.test(name) };
}

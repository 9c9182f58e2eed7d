// The HTTP headers that the site wants: a strict policy, and isolation so that threads may share memory.

/** Scripts, styles, pictures and requests of the site's own, and WebAssembly. Neither `eval` nor inline code. */
export const POLICY: string = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Code that a reader writes: it may be evaluated, in a worker that may ask nobody for anything but scripts of the site. */
const CODE_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'unsafe-eval'";

/** The headers of every file, and other values of them by the beginnings of paths. */
export interface Headers {
  readonly all: Readonly<Record<string, string>>;
  readonly below: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** What the build writes as `headers.json`, for servers of the site. */
export const HEADERS: Headers = {
  all: {
    'content-security-policy': `${POLICY}; frame-ancestors 'none'`,
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
    'cross-origin-resource-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  },
  below: { '/assets/code-worker-': { 'content-security-policy': CODE_POLICY } },
};

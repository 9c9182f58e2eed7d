// Isolation of the page where its host sends no headers: a service worker adds them.

/**
 * Asks coi-serviceworker for isolation, which loads the page once more. Does nothing where the page is isolated, where
 * there are no service workers, and on the server of `npm run dev`.
 */
export function askForIsolation(): void {
  if (crossOriginIsolated || !('serviceWorker' in navigator) || import.meta.env.DEV) return;
  const script = document.createElement('script');
  script.src = new URL('coi-serviceworker.js', document.baseURI).href;
  document.head.append(script);
}

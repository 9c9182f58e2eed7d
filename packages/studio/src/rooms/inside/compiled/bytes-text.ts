// A number of bytes as a reader likes it.

/** `512 bytes`, `2.3 kB`, `14 MB`. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  const [unit, divisor] = bytes < 1e6 ? ['kB', 1e3] : ['MB', 1e6];
  return `${Number((bytes / divisor).toPrecision(3))} ${unit}`;
}

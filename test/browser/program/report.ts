/** How a page hands its results to the test: as JSON in an `<output>` of its document. */

/** Waits for `work` and writes what it gave, or why it failed, into `<output id="ID">`. */
export async function report(id: string, work: Promise<unknown>): Promise<void> {
  const output = document.createElement('output');
  output.id = id;
  try {
    output.textContent = JSON.stringify(await work);
    output.dataset['state'] = 'done';
  } catch (error) {
    output.textContent = error instanceof Error ? (error.stack ?? error.message) : String(error);
    output.dataset['state'] = 'failed';
  }
  document.body.append(output);
}

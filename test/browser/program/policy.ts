/** Whether the page's policy keeps a text from becoming code: without this, the test would prove nothing. */
export function refusesEval(): boolean {
  try {
    Reflect.construct(Function, ['return 1']);
    return false;
  } catch (error) {
    return error instanceof EvalError;
  }
}

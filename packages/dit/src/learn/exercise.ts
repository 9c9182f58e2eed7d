// What an exercise of the tour is: a task, a stub, a hint, a solution, and the calls that check answers.

/** What a call is expected to give; a tensor counts as its elements, a bool as 0 or 1 in them. */
export type Plain =
  number | string | boolean | readonly Plain[] | { readonly [field: string]: Plain };

/** The function that a learner wrote. What it takes and gives is known to its exercise alone. */
export type Answer = (...args: unknown[]) => unknown;

/** One call of an answer. */
export interface Trial {
  /** The call as text, as a learner would write it. */
  readonly call: string;
  readonly run: (answer: Answer) => unknown;
  readonly expected: Plain;
}

/** One exercise. */
export interface Exercise {
  /** The name of the function to write. */
  readonly name: string;
  /** What the function is given and what it must give, in Markdown of one paragraph. */
  readonly task: string;
  /** The function without its body: it gives nothing. */
  readonly stub: string;
  readonly hint: string;
  /** One right answer. */
  readonly solution: string;
  /** Made anew for every check, on the default backend of that moment. */
  readonly trials: () => readonly Trial[];
}

/** One chapter of the tour and its exercises. */
export interface Chapter {
  readonly title: string;
  /** The question that the chapter answers. */
  readonly question: string;
  /** What answers need at the top of their file. */
  readonly imports: readonly string[];
  readonly exercises: readonly Exercise[];
}

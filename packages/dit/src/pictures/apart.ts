// Moves words up or down, no more than they have to, so that none is written over another.

/** A word at its place, in pixels. Its height counts downwards. */
interface PlacedWord {
  readonly x: number;
  readonly y: number;
}

/** Words that touch: the sum of their places without the gaps, and how many they are. */
interface Block {
  readonly sum: number;
  readonly count: number;
}

/**
 * How far down each word moves so that words of one column lie `gap` or more apart, in pixels. Words are of one column
 * if the distance of their places across is at most `reach`, or if others lie between them. Their order stays, and the
 * sum of the squares of the moves is as small as it can be.
 *
 * Source: de Leeuw, Hornik & Mair 2009, "Isotone optimization in R: pool-adjacent-violators algorithm", section 2.
 */
export function movesApart(words: readonly PlacedWord[], gap: number, reach: number): number[] {
  const moves = words.map(() => 0);
  for (const column of columnsOf(words, reach)) {
    const order = column.toSorted((a, b) => words[a].y - words[b].y);
    // With i gaps taken off, the i-th word must not lie above the one before.
    const blocks: Block[] = [];
    for (const [i, word] of order.entries()) {
      let block: Block = { sum: words[word].y - i * gap, count: 1 };
      for (let above = blocks.at(-1); above && isAbove(block, above); above = blocks.at(-1)) {
        block = { sum: above.sum + block.sum, count: above.count + block.count };
        blocks.pop();
      }
      blocks.push(block);
    }
    const places = blocks.flatMap(({ sum, count }) => new Array<number>(count).fill(sum / count));
    for (const [i, word] of order.entries()) moves[word] = places[i] + i * gap - words[word].y;
  }
  return moves;
}

/** Whether the mean of a block is less than that of another. */
function isAbove(block: Block, other: Block): boolean {
  return block.sum / block.count < other.sum / other.count;
}

/** The words of each column, by their numbers. */
function columnsOf(words: readonly PlacedWord[], reach: number): readonly number[][] {
  const columns: number[][] = [];
  let last = -Infinity;
  for (const i of [...words.keys()].toSorted((a, b) => words[a].x - words[b].x)) {
    if (words[i].x - last > reach) columns.push([]);
    columns[columns.length - 1].push(i);
    last = words[i].x;
  }
  return columns;
}

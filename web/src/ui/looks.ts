/** How the nth line of a chart looks. Pure. */

const TONES = 6;
const DASHES: (number[] | undefined)[] = [undefined, [7, 4], [2, 4], [10, 4, 2, 4], [5, 2], [1, 3]];

/** A colour's name and a dash, in which no two of the first 36 lines agree, and neighbours in neither. */
export function lookOf(at: number): { tone: string; dash?: number[] } {
  const dash = DASHES[(at + Math.floor(at / TONES)) % DASHES.length];
  return { tone: `series-${(at % TONES) + 1}`, ...(dash ? { dash } : {}) };
}

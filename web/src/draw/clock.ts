/** One animation frame for all that moves on the page; nothing moves for who asked for less motion. */

const moving = new Set<(seconds: number) => void>();
let isRunning = false;

export const isCalm = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Calls `move` with seconds at every frame until the answer is called. */
export function animate(move: (seconds: number) => void): () => void {
  moving.add(move);
  if (!isRunning) {
    isRunning = true;
    requestAnimationFrame(tick);
  }
  return () => moving.delete(move);
}

function tick(time: number): void {
  for (const move of [...moving]) move(time / 1_000);
  if (moving.size) requestAnimationFrame(tick);
  else isRunning = false;
}

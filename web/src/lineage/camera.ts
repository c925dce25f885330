/** What part of the tree is in sight: cycles and rows on one side, pixels on the other. Pure. */

export interface Camera {
  /** Cycle at the left edge, row at the upper one. */
  left: number;
  top: number;
  /** Pixels a cycle and a row. */
  across: number;
  down: number;
}

export interface Extent {
  width: number;
  height: number;
  cycles: number;
  rows: number;
}

const MARGIN = 24;
const LABEL = 40; // the last worlds' numbers stand right of them
const TOOLBAR = 52; // buttons lie over the upper edge
const LARGEST = 64; // pixels a row
const SMALLEST = 0.002;

export function showAll(extent: Extent): Camera {
  const across = (extent.width - 2 * MARGIN - LABEL) / Math.max(1, extent.cycles);
  const room = extent.height - TOOLBAR - MARGIN;
  const down = Math.min(room / Math.max(1, extent.rows), 22);
  return { across, down, left: -MARGIN / across, top: -(TOOLBAR + (room - extent.rows * down) / 2) / down };
}

/** What is in sight and a share of it beyond each edge. */
export function widen(camera: Camera, extent: Extent, share: number): { camera: Camera; extent: Extent } {
  const [right, below] = [extent.width * share, extent.height * share];
  return {
    camera: { ...camera, left: camera.left - right / camera.across, top: camera.top - below / camera.down },
    extent: { ...extent, width: extent.width + 2 * right, height: extent.height + 2 * below },
  };
}

/** Nearer or further about a point of the canvas, which stays where it is. */
export function zoom(camera: Camera, factor: number, x: number, y: number): Camera {
  const bound = (value: number) => Math.min(Math.max(value, SMALLEST), LARGEST * 4);
  const [across, down] = [bound(camera.across * factor), Math.min(bound(camera.down * factor), LARGEST)];
  return {
    across,
    down,
    left: camera.left + x / camera.across - x / across,
    top: camera.top + y / camera.down - y / down,
  };
}

export const move = (camera: Camera, x: number, y: number): Camera => ({
  ...camera,
  left: camera.left - x / camera.across,
  top: camera.top - y / camera.down,
});

/** The same scale, with this cycle and row in the middle; near enough to tell rows apart. */
export function centre(camera: Camera, extent: Extent, cycle: number, row: number): Camera {
  const [across, down] = [Math.max(camera.across, 12), Math.max(camera.down, 14)];
  return { across, down, left: cycle - extent.width / 2 / across, top: row - extent.height / 2 / down };
}

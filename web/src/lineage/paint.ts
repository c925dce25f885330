/**
 * The tree on a canvas. Only rows and cycles in sight are drawn; lines of one look go into one path, whatever their number.
 */
import type { LineageAnswer } from "../api/types";
import type { Camera, Extent } from "./camera";
import type { Tree } from "./layout";
import { CORNERS, marksOf } from "./trials";

export interface Look {
  text: string;
  soft: string;
  line: string;
  surface: string;
  accent: string;
  living: string;
  gone: string;
  mark: string;
  ramp: string[];
}

export interface Scene {
  answer: LineageAnswer;
  tree: Tree;
  camera: Camera;
  extent: Extent;
  /** Nothing after this cycle has happened yet. */
  until: number;
  found: ReadonlySet<number>;
  folded: ReadonlySet<number>;
  selected: number | null;
  look: Look;
  /** Longest shortest path, for the ramp. */
  longest: number;
}

const AXIS_LABEL = 60; // pixels that "cycle 120" takes
const LABELS_FROM = 12; // pixels a row
const HALO = 3; // pixels around a word, so that no line strikes it through
const THIN = 4; // below it a life is a bar, a birth a dot, and nothing needs a path

/** All but the words, which `paintWords` puts on top; how many worlds it drew. */
export function paintTree(context: CanvasRenderingContext2D, scene: Scene): number {
  const { camera, extent, tree, answer, look, until } = scene;
  const { cycle: cycles, left: ends, path: paths, id: ids } = answer.columns;
  const x = (cycle: number) => (cycle - camera.left) * camera.across;
  const y = (row: number) => (row + 0.5 - camera.top) * camera.down;
  context.fillStyle = look.surface;
  context.fillRect(0, 0, extent.width, extent.height);
  paintGrid(context, scene, x);

  const { first, after, seen } = lookAt(scene);
  if (first >= after) return 0;
  const [least, most] = [camera.left - 1, camera.left + extent.width / camera.across + 1];
  if (camera.down < THIN) return paintThin(context, scene, seen, x, y);
  const buckets = Array.from({ length: look.ramp.length }, () => new Path2D());
  const [branches, living, gone, crosses] = [new Path2D(), new Path2D(), new Path2D(), new Path2D()];
  const radius = radiusAt(camera.down);
  let drawn = 0;
  for (const at of seen) {
    const born = cycles[at] as number;
    const left = ends[at] as number;
    if (born > until || born > most) continue;
    const isGone = left >= 0 && left <= until;
    const end = isGone ? left : Math.min(until, tree.last);
    if (end < least) {
      if (!tree.descendants[at]) continue;
    }
    const row = tree.row[at] as number;
    const [right, level] = [x(born), y(row)];
    drawn += 1;
    const above = tree.parent[at] as number;
    if (above >= 0 && (tree.row[above] as number) >= 0) {
      const from = x(cycles[above] as number);
      branches.moveTo(from, y(tree.row[above] as number));
      if (row !== tree.row[above]) branches.lineTo(from + Math.min(camera.across * 0.6, right - from), level);
      branches.lineTo(right, level);
    }
    const life = isGone ? gone : living;
    if (answer.verdicts[answer.columns.verdict[at] as number] === "accepted") {
      life.moveTo(right, level);
      life.lineTo(x(end), level);
      if (isGone) {
        const arm = Math.min(4, radius);
        crosses.moveTo(x(left) - arm, level - arm);
        crosses.lineTo(x(left) + arm, level + arm);
        crosses.moveTo(x(left) - arm, level + arm);
        crosses.lineTo(x(left) + arm, level - arm);
      }
    }
    const share = Math.min(1, (paths[at] ?? 0) / (scene.longest || 1));
    const bucket = buckets[Math.min(buckets.length - 1, Math.floor(share * buckets.length))] as Path2D;
    bucket.moveTo(right + radius, level);
    bucket.arc(right, level, radius, 0, 2 * Math.PI);
  }
  context.lineWidth = 1;
  stroke(context, branches, look.line);
  context.lineWidth = Math.max(1, Math.min(3, camera.down * 0.16));
  context.globalAlpha = 0.55;
  stroke(context, gone, look.gone);
  stroke(context, living, look.living);
  context.globalAlpha = 1;
  buckets.forEach((bucket, at) => {
    context.fillStyle = look.ramp[at] as string;
    context.fill(bucket);
  });
  context.lineWidth = 1.5;
  stroke(context, crosses, look.text);
  paintTrials(context, scene, x, y, first, after);
  for (const at of seen) {
    const id = ids[at] as number;
    const isSelected = id === scene.selected;
    if ((!scene.found.has(id) && !isSelected) || (cycles[at] as number) > until) continue;
    context.lineWidth = isSelected ? 3 : 2;
    context.strokeStyle = isSelected ? look.accent : look.mark;
    context.beginPath();
    context.arc(x(cycles[at] as number), y(tree.row[at] as number), Math.max(6, radius + 3), 0, 2 * Math.PI);
    context.stroke();
  }
  return drawn;
}

/** Names of cycles and worlds. They are few at any scale, so they can be drawn afresh over a picture that is only moved. */
export function paintWords(context: CanvasRenderingContext2D, scene: Scene): void {
  const { camera } = scene;
  const x = (cycle: number) => (cycle - camera.left) * camera.across;
  const y = (row: number) => (row + 0.5 - camera.top) * camera.down;
  if (camera.down >= LABELS_FROM) paintLabels(context, scene, x, y);
  paintCycles(context, scene, x);
}

/** Rows in sight, and the worlds in them. */
function lookAt({ camera, extent, tree }: Scene): { first: number; after: number; seen: Int32Array } {
  const first = Math.max(0, Math.floor(camera.top) - 1);
  const after = Math.min(tree.rows, Math.ceil(camera.top + extent.height / camera.down) + 1);
  const seen = first < after ? tree.order.subarray(tree.starts[first] as number, tree.starts[after] as number) : tree.order.subarray(0, 0);
  return { first, after, seen };
}

/** Radius of the dot that a world is born with. */
const radiusAt = (down: number): number => Math.min(7, Math.max(1, down * 0.32));

/** Thousands of rows in sight: plain rectangles on whole pixels, one colour after the other. */
function paintThin(
  context: CanvasRenderingContext2D,
  scene: Scene,
  seen: Int32Array,
  x: (cycle: number) => number,
  y: (row: number) => number,
): number {
  const { tree, look, until, answer, extent } = scene;
  const { cycle: cycles, left: ends, path: paths } = answer.columns;
  const size = scene.camera.down < 1 ? 1 : 2;
  const worlds = [...seen].filter((at) => (cycles[at] as number) <= until && x(cycles[at] as number) <= extent.width);
  context.fillStyle = look.line;
  for (const at of worlds) {
    const above = tree.parent[at] as number;
    if (above < 0 || (tree.row[above] as number) < 0) continue;
    const [from, level, top] = [x(cycles[above] as number), y(tree.row[at] as number), y(tree.row[above] as number)];
    context.fillRect(Math.round(from), Math.round(level), Math.round(x(cycles[at] as number) - from), 1);
    if (level - top >= 1) context.fillRect(Math.round(from), Math.round(top), 1, Math.round(level - top));
  }
  for (const isLiving of [false, true]) {
    context.fillStyle = isLiving ? look.living : look.gone;
    for (const at of worlds) {
      const end = ends[at] as number;
      if ((end < 0 || end > until) !== isLiving || answer.verdicts[answer.columns.verdict[at] as number] !== "accepted") continue;
      const [from, to] = [x(cycles[at] as number), x(isLiving ? Math.min(until, tree.last) : end)];
      if (to > 0) context.fillRect(Math.round(from), Math.round(y(tree.row[at] as number)), Math.max(1, Math.round(to - from)), size);
    }
  }
  look.ramp.forEach((tone, bucket) => {
    context.fillStyle = tone;
    for (const at of worlds) {
      const share = Math.min(1, (paths[at] ?? 0) / (scene.longest || 1));
      if (Math.min(look.ramp.length - 1, Math.floor(share * look.ramp.length)) !== bucket) continue;
      context.fillRect(Math.round(x(cycles[at] as number)) - 1, Math.round(y(tree.row[at] as number)) - (size - 1), size + 1, size + 1);
    }
  });
  const span = [Math.max(0, Math.floor(scene.camera.top) - 1), Math.ceil(scene.camera.top + extent.height / scene.camera.down) + 1] as const;
  paintTrials(context, scene, x, y, span[0], span[1]);
  context.lineWidth = 2;
  for (const at of worlds) {
    const id = answer.columns.id[at] as number;
    if (!scene.found.has(id) && id !== scene.selected) continue;
    context.strokeStyle = id === scene.selected ? look.accent : look.mark;
    context.strokeRect(x(cycles[at] as number) - 5, y(tree.row[at] as number) - 5, 10, 10);
  }
  return worlds.length;
}

/** Cycles that are named: the first in sight, and from one to the next. */
function cyclesOf(camera: Camera): { first: number; step: number } {
  const rough = 90 / camera.across;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? power;
  return { first: Math.max(0, Math.ceil(camera.left / step) * step), step };
}

function paintGrid(context: CanvasRenderingContext2D, scene: Scene, x: (cycle: number) => number): void {
  const { camera, extent, look } = scene;
  const { first, step } = cyclesOf(camera);
  const marks = new Path2D();
  for (let cycle = first; x(cycle) < extent.width; cycle += step) {
    marks.moveTo(Math.round(x(cycle)) + 0.5, 0);
    marks.lineTo(Math.round(x(cycle)) + 0.5, extent.height);
  }
  context.lineWidth = 1;
  context.globalAlpha = 0.6;
  stroke(context, marks, look.line);
  context.globalAlpha = 1;
}

function paintCycles(context: CanvasRenderingContext2D, scene: Scene, x: (cycle: number) => number): void {
  const { camera, extent, look } = scene;
  const { first, step } = cyclesOf(camera);
  context.font = "12px system-ui, sans-serif";
  for (let cycle = first; x(cycle) < extent.width - AXIS_LABEL; cycle += step) write(context, `cycle ${cycle}`, x(cycle) + 4, extent.height - 6, look.soft, look.surface);
}

/** A word on a rim of the ground's colour. */
function write(context: CanvasRenderingContext2D, word: string, x: number, y: number, tone: string, ground: string): void {
  context.lineWidth = HALO;
  context.lineJoin = "round";
  context.strokeStyle = ground;
  context.strokeText(word, x, y);
  context.fillStyle = tone;
  context.fillText(word, x, y);
}

/** A mark where a policy was tried, filled where it was taken, and then a line to the other world. */
function paintTrials(
  context: CanvasRenderingContext2D,
  scene: Scene,
  x: (cycle: number) => number,
  y: (row: number) => number,
  first: number,
  after: number,
): void {
  const { tree, until, look, camera } = scene;
  const [tried, taken, lines] = [new Path2D(), new Path2D(), new Path2D()];
  const size = Math.min(6, Math.max(2, camera.down * 0.3));
  const isSeen = (row: number | null) => row !== null && row >= first && row < after;
  for (const { kind, cycle, row, other, isTaken } of marksOf(scene.answer, tree, until)) {
    if (!isSeen(row) && !isSeen(other)) continue;
    const target = isTaken ? taken : tried;
    CORNERS[kind].forEach(([right, down], at) => {
      const [cornerX, cornerY] = [x(cycle) + right * size, y(row) + down * size];
      if (at) target.lineTo(cornerX, cornerY);
      else target.moveTo(cornerX, cornerY);
    });
    target.closePath();
    if (isTaken && other !== null) {
      lines.moveTo(x(cycle), y(row));
      lines.lineTo(x(cycle), y(other));
    }
  }
  context.lineWidth = 1.5;
  context.setLineDash([3, 3]);
  stroke(context, lines, look.mark);
  context.setLineDash([]);
  context.fillStyle = look.surface;
  context.fill(tried);
  stroke(context, tried, look.mark);
  context.fillStyle = look.mark;
  context.fill(taken);
}

function paintLabels(
  context: CanvasRenderingContext2D,
  scene: Scene,
  x: (cycle: number) => number,
  y: (row: number) => number,
): void {
  const { answer, tree, look, folded, until, extent, camera } = scene;
  const radius = radiusAt(camera.down);
  context.font = `${camera.down < 15 ? 10 : 11}px system-ui, sans-serif`;
  for (const at of lookAt(scene).seen) {
    const [cycle, id] = [answer.columns.cycle[at] as number, answer.columns.id[at] as number];
    const right = x(cycle);
    if (cycle > until || right < -60 || right > extent.width) continue;
    const hidden = folded.has(id) ? ` +${tree.descendants[at]}` : "";
    write(context, `${id}${hidden}`, right + radius + 3, y(tree.row[at] as number) - 4, look.text, look.surface);
  }
}

function stroke(context: CanvasRenderingContext2D, path: Path2D, colour: string): void {
  context.strokeStyle = colour;
  context.stroke(path);
}

/** The world under a point of the canvas, as its place in the columns. */
export function worldAt(scene: Scene, x: number, y: number): number | null {
  const { camera, tree, answer, until } = scene;
  const row = Math.floor(camera.top + y / camera.down);
  const reach = Math.max(1, Math.ceil(8 / camera.down));
  let best: number | null = null;
  let distance = 14;
  for (let near = Math.max(0, row - reach); near <= Math.min(tree.rows - 1, row + reach); near += 1)
    for (const at of tree.order.subarray(tree.starts[near] as number, tree.starts[near + 1] as number)) {
      const cycle = answer.columns.cycle[at] as number;
      if (cycle > until) continue;
      const far = Math.hypot((cycle - camera.left) * camera.across - x, (near + 0.5 - camera.top) * camera.down - y);
      if (far < distance) [best, distance] = [at, far];
    }
  return best;
}

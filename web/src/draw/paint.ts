/** An episode's moment on a canvas. The map is kept as a picture and drawn anew only when a cell changes. */
import type { Drawing, Trace } from "../api/types";
import { momentAt, type Pose } from "./moment";
import { BLUE } from "./pen";
import { agentSprite, opponentSprite, tileSprite } from "./sprites";

export const EDGE = "#2B303C";

export class Painter {
  private readonly map = document.createElement("canvas");
  private drawn = "";

  constructor(
    readonly drawing: Drawing,
    private readonly trace: Trace | null,
    private readonly options: { hasTrail?: boolean; colour?: string } = {},
  ) {}

  /** Steps of the episode. */
  get length(): number {
    return this.trace ? this.trace.position.length - 1 : 0;
  }

  get size(): { rows: number; columns: number } {
    return sizeOf(this.drawing);
  }

  paint(canvas: HTMLCanvasElement, time: number): void {
    const context = canvas.getContext("2d");
    if (!context) return;
    const { rows, columns } = this.size;
    const side = Math.max(1, Math.floor(Math.min(canvas.width / columns, canvas.height / rows)));
    const left = Math.floor((canvas.width - side * columns) / 2);
    const top = Math.floor((canvas.height - side * rows) / 2);
    const moment = momentAt(this.drawing, this.trace, time);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = EDGE;
    context.fillRect(0, 0, canvas.width, canvas.height);
    this.paintMap(moment.tiles, moment.isOpen, side);
    context.drawImage(this.map, left, top);
    if (this.options.hasTrail !== false) this.paintTrail(context, time, side, left, top);
    for (const { kind, ...pose } of moment.opponents)
      place(context, opponentSprite(kind, side), { ...pose, heading: 0 }, side, left, top);
    place(context, agentSprite(side, moment.hasKey, this.options.colour), moment.agent, side, left, top);
  }

  private paintMap(tiles: string[], isOpen: boolean, side: number): void {
    const key = `${side}${isOpen}${tiles.join()}`;
    if (key === this.drawn) return;
    this.drawn = key;
    const { rows, columns } = this.size;
    this.map.width = side * columns;
    this.map.height = side * rows;
    const context = this.map.getContext("2d");
    tiles.forEach((line, row) =>
      [...line].forEach((symbol, column) => context?.drawImage(tileSprite(symbol, side, isOpen), column * side, row * side)),
    );
  }

  private paintTrail(context: CanvasRenderingContext2D, time: number, side: number, left: number, top: number): void {
    if (!this.trace || side < 4) return;
    context.fillStyle = this.options.colour ?? BLUE;
    context.globalAlpha = 0.5;
    const seen = new Set<string>();
    this.trace.position.slice(0, Math.floor(time) + 1).forEach(([row, column]) => {
      const name = `${row},${column}`;
      if (seen.has(name)) return;
      seen.add(name);
      context.beginPath();
      context.arc(left + (column + 0.48) * side, top + (row + 0.48) * side, 0.1 * side, 0, 2 * Math.PI);
      context.fill();
    });
    context.globalAlpha = 1;
  }
}

export const sizeOf = (drawing: Drawing): { rows: number; columns: number } => ({
  rows: Math.max(1, drawing.tiles.length),
  columns: Math.max(1, drawing.tiles[0]?.length ?? 1),
});

function place(context: CanvasRenderingContext2D, sprite: HTMLCanvasElement, pose: Pose, side: number, left: number, top: number): void {
  context.save();
  context.translate(left + (pose.column + 0.5) * side, top + (pose.row + 0.5) * side);
  context.rotate((pose.heading * Math.PI) / 2);
  context.drawImage(sprite, -side / 2, -side / 2);
  context.restore();
}

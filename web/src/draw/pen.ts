/** Drawing in shares of a cell's side, in the colours of Okabe and Ito, which colour-blind people tell apart. */

export const [INK, PAPER] = ["#23272F", "#FFFFFF"];
export const [ORANGE, SKY, GREEN, YELLOW] = ["#E69F00", "#56B4E9", "#009E73", "#F0E442"];
export const [BLUE, VERMILLION, PURPLE] = ["#0072B2", "#D55E00", "#CC79A7"];

export type Point = readonly [number, number];
/** Left, top, right, bottom. */
export type Box = readonly [number, number, number, number];

export class Pen {
  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly side: number,
  ) {}

  box([left, top, right, bottom]: Box, colour: string): void {
    this.context.fillStyle = colour;
    this.context.fillRect(left * this.side, top * this.side, (right - left) * this.side, (bottom - top) * this.side);
  }

  rounded([left, top, right, bottom]: Box, radius: number, colour: string): void {
    const { context, side } = this;
    context.fillStyle = colour;
    context.beginPath();
    context.roundRect(left * side, top * side, (right - left) * side, (bottom - top) * side, radius * side);
    context.fill();
  }

  disc([across, down]: Point, radius: number, colour: string): void {
    const { context, side } = this;
    context.fillStyle = colour;
    context.beginPath();
    context.arc(across * side, down * side, radius * side, 0, 2 * Math.PI);
    context.fill();
  }

  shape(points: readonly Point[], colour: string): void {
    this.trace(points);
    this.context.closePath();
    this.context.fillStyle = colour;
    this.context.fill();
  }

  /** A line with round ends and corners. */
  line(points: readonly Point[], width: number, colour: string): void {
    this.trace(points);
    Object.assign(this.context, { lineCap: "round", lineJoin: "round", lineWidth: width * this.side, strokeStyle: colour });
    this.context.stroke();
  }

  private trace(points: readonly Point[]): void {
    this.context.beginPath();
    for (const [across, down] of points) this.context.lineTo(across * this.side, down * this.side);
  }
}

/** Points of a cell turned by quarters about its middle, clockwise. */
export function turn(points: readonly Point[], heading: number): Point[] {
  let turned = [...points];
  for (let quarter = 0; quarter < heading; quarter += 1) turned = turned.map(([across, down]) => [1 - down, across] as const);
  return turned;
}

export function star(centre: Point, reach: number, tips: number, waist: number): Point[] {
  return Array.from({ length: 2 * tips }, (_, corner) => {
    const angle = Math.PI * (corner / tips - 0.5);
    const far = reach * (corner % 2 ? waist : 1);
    return [centre[0] + far * Math.cos(angle), centre[1] + far * Math.sin(angle)] as const;
  });
}

/** The colour that a share of `above` over `below` looks like. */
export function blend(below: string, above: string, share: number): string {
  const part = (colour: string, at: number) => parseInt(colour.slice(at, at + 2), 16);
  const mixed = [1, 3, 5].map((at) => Math.round((1 - share) * part(below, at) + share * part(above, at)));
  return `#${mixed.map((one) => one.toString(16).padStart(2, "0")).join("")}`;
}

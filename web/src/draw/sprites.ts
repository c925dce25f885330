/** What a cell looks like: the sprites of `alpha_factory.worlds.sprites`, so that films, reports and this page look alike. */
import { BLUE, GREEN, INK, ORANGE, PAPER, PURPLE, Pen, SKY, VERMILLION, YELLOW, blend, star, turn, type Point } from "./pen";

/** Symbols of all tiles, in the order of their codes. */
export const SYMBOLS = ".#GKDT'~_O!|$B?)u(n]U[A";

const [FLOOR, GRID] = ["#FBF8F1", "#E7E1D3"];
const [WALL, WALL_LIGHT, WALL_DARK] = ["#3B4252", "#4C566A", "#2E3440"];
const STEEL = blend(PAPER, INK, 0.38);
const MIDDLE = 0.48; // of what a cell leaves beside its grid lines

const kept = new Map<string, HTMLCanvasElement>();

/** A tile's picture of `side` device pixels. */
export const tileSprite = (symbol: string, side: number, isOpen = false): HTMLCanvasElement =>
  keep(`${symbol}${side}${isOpen && symbol === "|"}`, side, (pen) => drawTile(pen, symbol, isOpen));

/** The agent facing right: an arrowhead, with a spot of gold once it holds a key. */
export const agentSprite = (side: number, hasKey: boolean, colour = BLUE): HTMLCanvasElement =>
  keep(`agent${side}${hasKey}${colour}`, side, (pen) => {
    pen.shape([[1, 0.49], [0.06, 0.96], [0.26, 0.49], [0.06, 0.02]], PAPER);
    pen.shape([[0.86, 0.49], [0.18, 0.83], [0.335, 0.49], [0.18, 0.15]], colour);
    if (hasKey) {
      pen.disc([0.5, 0.49], 0.155, PAPER);
      pen.disc([0.5, 0.49], 0.115, ORANGE);
    }
  });

export const opponentSprite = (kind: string, side: number): HTMLCanvasElement =>
  keep(kind + side, side, kind === "patrol" ? drawPatrol : drawChaser);

function keep(name: string, side: number, draw: (pen: Pen) => void): HTMLCanvasElement {
  const known = kept.get(name);
  if (known) return known;
  if (kept.size > 2_000) kept.clear(); // many sizes of a window that is being dragged
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  if (context) draw(new Pen(context, side));
  kept.set(name, canvas);
  return canvas;
}

function drawTile(pen: Pen, symbol: string, isOpen: boolean): void {
  const code = SYMBOLS.indexOf(symbol);
  if (symbol === "#" || code < 0) {
    pen.box([0, 0, 1, 1], WALL);
    pen.box([0, 0, 1, 0.07], WALL_LIGHT);
    pen.box([0, 0, 0.07, 1], WALL_LIGHT);
    pen.box([0, 0.93, 1, 1], WALL_DARK);
    pen.box([0.93, 0, 1, 1], WALL_DARK);
    return;
  }
  pen.box([0, 0, 1, 1], FLOOR);
  pen.box([0, 0.96, 1, 1], GRID);
  pen.box([0.96, 0, 1, 1], GRID);
  if (code >= 19) drawConveyor(pen, code - 19);
  else if (code >= 15) drawOneWay(pen, code - 15);
  else if (symbol === "|" && isOpen) drawOpenGate(pen);
  else DRAWERS[symbol]?.(pen);
}

const DRAWERS: Record<string, (pen: Pen) => void> = {
  G: (pen) => {
    pen.rounded([0.06, 0.06, 0.9, 0.9], 0.16, GREEN);
    pen.shape(star([MIDDLE, 0.495], 0.335, 5, 0.43), PAPER);
  },
  "?": (pen) => {
    pen.rounded([0.06, 0.06, 0.9, 0.9], 0.16, PURPLE);
    pen.disc([MIDDLE, MIDDLE], 0.32, INK);
    pen.disc([MIDDLE + 0.14, MIDDLE - 0.08], 0.26, PURPLE);
  },
  K: (pen) => {
    for (const [grow, colour] of [[0.045, INK], [0, ORANGE]] as const) {
      pen.disc([0.3, MIDDLE], 0.19 + grow, colour);
      pen.box([0.44 - grow, 0.43 - grow, 0.88 + grow, 0.53 + grow], colour);
      pen.box([0.62 - grow, 0.5 - grow, 0.71 + grow, 0.66 + grow], colour);
      pen.box([0.79 - grow, 0.5 - grow, 0.88 + grow, 0.7 + grow], colour);
    }
    pen.disc([0.3, MIDDLE], 0.115, INK);
    pen.disc([0.3, MIDDLE], 0.075, FLOOR);
  },
  D: (pen) => {
    pen.box([0, 0, 1, 1], INK);
    pen.rounded([0.09, 0.09, 0.91, 0.91], 0.08, ORANGE);
    pen.box([0.485, 0.09, 0.515, 0.91], blend(ORANGE, INK, 0.25));
    pen.disc([0.5, 0.43], 0.155, INK);
    pen.shape([[0.5, 0.4], [0.62, 0.74], [0.38, 0.74]], INK);
  },
  "'": (pen) => {
    pen.box([0, 0, 0.13, 1], INK);
    pen.box([0.87, 0, 1, 1], INK);
    pen.box([0.03, 0.06, 0.1, 0.94], ORANGE);
    pen.box([0.9, 0.06, 0.97, 0.94], ORANGE);
  },
  T: (pen) => {
    pen.rounded([0.06, 0.06, 0.9, 0.9], 0.12, blend(FLOOR, VERMILLION, 0.22));
    for (const left of [0.13, 0.49])
      for (const tip of [0.14, 0.49]) {
        const foot = tip + 0.32;
        pen.shape([[left + 0.17, tip], [left + 0.33, foot], [left + 0.01, foot]], VERMILLION);
      }
  },
  "~": (pen) => {
    pen.box([0, 0, 1, 1], VERMILLION);
    for (const middle of [0.2, 0.52, 0.84]) {
      const wave = Array.from({ length: 17 }, (_, x): Point => [x / 16, middle + 0.075 * Math.sin((Math.PI * x) / 4)]);
      pen.line(wave, 0.11, YELLOW);
    }
  },
  _: (pen) => {
    pen.box([0, 0, 1, 1], blend(PAPER, SKY, 0.8));
    pen.box([0, 0.94, 1, 1], blend(SKY, BLUE, 0.55));
    pen.box([0.94, 0, 1, 1], blend(SKY, BLUE, 0.55));
    pen.line([[0.14, 0.58], [0.58, 0.14]], 0.11, PAPER);
    pen.line([[0.42, 0.8], [0.8, 0.42]], 0.11, PAPER);
    pen.line([[0.16, 0.8], [0.34, 0.62]], 0.09, BLUE);
    pen.line([[0.52, 0.44], [0.8, 0.16]], 0.09, BLUE);
  },
  O: (pen) => {
    for (const [radius, colour] of [[0.46, INK], [0.38, PURPLE], [0.27, PAPER], [0.19, PURPLE], [0.1, INK]] as const)
      pen.disc([MIDDLE, MIDDLE], radius, colour);
  },
  "!": (pen) => {
    pen.rounded([0.07, 0.07, 0.89, 0.89], 0.1, STEEL);
    pen.rounded([0.13, 0.13, 0.83, 0.83], 0.07, blend(PAPER, INK, 0.14));
    pen.disc([MIDDLE, 0.53], 0.255, INK);
    pen.disc([MIDDLE, 0.44], 0.255, INK);
    pen.disc([MIDDLE, 0.43], 0.205, BLUE);
    pen.disc([MIDDLE - 0.07, 0.36], 0.06, blend(PAPER, BLUE, 0.2));
  },
  "|": (pen) => {
    for (const left of [0.06, 0.3, 0.54, 0.78]) {
      pen.box([left - 0.01, 0, left + 0.17, 1], INK);
      pen.box([left + 0.03, 0, left + 0.13, 1], BLUE);
    }
    for (const top of [0.16, 0.66]) {
      pen.box([0, top, 1, top + 0.18], INK);
      pen.box([0, top + 0.04, 1, top + 0.14], BLUE);
    }
  },
  $: (pen) => {
    pen.disc([MIDDLE, MIDDLE], 0.33, INK);
    pen.disc([MIDDLE, MIDDLE], 0.27, YELLOW);
    pen.rounded([MIDDLE - 0.06, 0.32, MIDDLE + 0.06, 0.64], 0.05, INK);
  },
  B: (pen) => {
    const [wood, dark] = [blend(ORANGE, INK, 0.4), blend(ORANGE, INK, 0.72)];
    const light = blend(ORANGE, PAPER, 0.35);
    pen.box([0.05, 0.05, 0.91, 0.91], dark);
    pen.box([0.1, 0.1, 0.86, 0.86], wood);
    pen.line([[0.2, 0.2], [0.76, 0.76]], 0.21, dark);
    pen.line([[0.76, 0.2], [0.2, 0.76]], 0.21, dark);
    pen.line([[0.18, 0.18], [0.78, 0.78]], 0.11, light);
    pen.line([[0.78, 0.18], [0.18, 0.78]], 0.11, light);
  },
};

function drawOpenGate(pen: Pen): void {
  pen.box([0, 0, 1, 0.16], INK);
  pen.box([0, 0.03, 1, 0.11], BLUE);
  for (const left of [0.06, 0.3, 0.54, 0.78]) pen.shape([[left, 0.14], [left + 0.16, 0.14], [left + 0.08, 0.32]], INK);
  pen.box([0, 0.86, 1, 1], INK);
  pen.box([0, 0.9, 1, 0.97], BLUE);
}

/** A road sign: a black arrow on yellow. */
function drawOneWay(pen: Pen, heading: number): void {
  pen.box([0, 0, 1, 1], INK);
  pen.rounded([0.07, 0.07, 0.93, 0.93], 0.08, YELLOW);
  const arrow: Point[] = [[0.14, 0.4], [0.46, 0.4], [0.46, 0.2], [0.88, 0.5], [0.46, 0.8], [0.46, 0.6], [0.14, 0.6]];
  pen.shape(turn(arrow, heading), INK);
}

/** A grey belt between two rails, with two chevrons. */
function drawConveyor(pen: Pen, heading: number): void {
  pen.box([0, 0, 1, 1], blend(PAPER, INK, 0.45));
  for (const rail of [0.06, 0.94]) pen.line(turn([[-0.1, rail], [1.1, rail]], heading), 0.12, INK);
  for (const back of [0.1, 0.54]) {
    const chevron: Point[] = [
      [back, 0.2], [back + 0.13, 0.2], [back + 0.38, 0.5], [back + 0.13, 0.8], [back, 0.8], [back + 0.25, 0.5],
    ];
    pen.shape(turn(chevron, heading), PAPER);
  }
}

function drawPatrol(pen: Pen): void {
  for (const [grow, colour] of [[0.06, INK], [0, PURPLE]] as const) {
    pen.disc([0.48, 0.42], 0.3 + grow, colour);
    pen.box([0.18 - grow, 0.42, 0.78 + grow, 0.76 + grow / 2], colour);
    for (const foot of [0.28, 0.48, 0.68]) pen.disc([foot, 0.77], 0.1 + grow, colour);
  }
  for (const eye of [0.36, 0.6]) {
    pen.disc([eye, 0.42], 0.105, PAPER);
    pen.disc([eye, 0.44], 0.055, INK);
  }
}

function drawChaser(pen: Pen): void {
  pen.shape([[0.04, 0.02], [0.34, 0.18], [0.62, 0.18], [0.92, 0.02], [0.88, 0.48], [0.48, 0.98], [0.08, 0.48]], INK);
  pen.shape([[0.12, 0.12], [0.33, 0.25], [0.63, 0.25], [0.84, 0.12], [0.81, 0.46], [0.48, 0.87], [0.15, 0.46]], VERMILLION);
  pen.shape([[0.2, 0.34], [0.44, 0.46], [0.4, 0.57], [0.25, 0.53]], PAPER);
  pen.shape([[0.76, 0.34], [0.52, 0.46], [0.56, 0.57], [0.71, 0.53]], PAPER);
}

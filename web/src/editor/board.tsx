/** The map under the pen: drag to draw, or move a cursor by keys and type symbols. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Vocabulary } from "../api/types";
import { widthOf, type Draft } from "./level";
import { choicesOf } from "./palette";
import { paintSymbol } from "./symbols";

const STEPS: Record<string, [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

export function Board(props: {
  draft: Draft;
  symbol: string;
  vocabulary: Vocabulary;
  onPut: (row: number, column: number, symbol: string) => void;
  onChoose: (symbol: string) => void;
}) {
  const { draft } = props;
  const [rows, columns] = [draft.rows.length, widthOf(draft)];
  const canvas = useRef<HTMLCanvasElement>(null);
  const [cursor, setCursor] = useState<[number, number]>([0, 0]);
  const [isFocused, setFocused] = useState(false);
  const isDown = useRef(false);
  const [width, setWidth] = useState(0);
  const side = Math.max(16, Math.min(44, Math.floor(width / columns) || 28));
  const names = new Map(choicesOf(props.vocabulary).map(({ symbol, name }) => [symbol, name]));
  const at: [number, number] = [Math.min(cursor[0], rows - 1), Math.min(cursor[1], columns - 1)];

  useEffect(() => {
    const frame = canvas.current?.parentElement;
    if (!frame) return undefined;
    const watcher = new ResizeObserver(() => setWidth(frame.clientWidth - 16));
    watcher.observe(frame);
    return () => watcher.disconnect();
  }, []);
  useEffect(() => {
    const target = canvas.current;
    const context = target?.getContext("2d");
    if (!target || !context) return;
    const sharp = Math.min(devicePixelRatio || 1, 2);
    const cell = Math.round(side * sharp);
    [target.width, target.height] = [columns * cell, rows * cell];
    [target.style.width, target.style.height] = [`${columns * side}px`, `${rows * side}px`];
    draft.rows.forEach((line, row) => [...line.padEnd(columns, "#")].forEach((symbol, column) => paintSymbol(context, symbol, column * cell, row * cell, cell)));
    if (!isFocused) return;
    context.lineWidth = 3 * sharp;
    context.strokeStyle = "#D55E00";
    context.strokeRect(at[1] * cell + 2, at[0] * cell + 2, cell - 4, cell - 4);
  }, [draft, side, at[0], at[1], isFocused]);

  const place = (event: PointerEvent): [number, number] | null => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const [row, column] = [Math.floor((event.clientY - box.top) / side), Math.floor((event.clientX - box.left) / side)];
    return row >= 0 && column >= 0 && row < rows && column < columns ? [row, column] : null;
  };
  const draw = (event: PointerEvent) => {
    const spot = place(event);
    if (!spot || !isDown.current) return;
    setCursor(spot);
    if (draft.rows[spot[0]]?.[spot[1]] !== props.symbol) props.onPut(spot[0], spot[1], props.symbol);
  };
  const press = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (step && !event.shiftKey) setCursor([clamp(at[0] + step[0], rows), clamp(at[1] + step[1], columns)]);
    else if (event.key === " " || event.key === "Enter") props.onPut(at[0], at[1], props.symbol);
    else if (event.key === "Escape") canvas.current?.blur();
    else if (names.has(event.key)) {
      props.onPut(at[0], at[1], event.key);
      props.onChoose(event.key);
    } else return;
    event.preventDefault();
  };
  const under = draft.rows[at[0]]?.[at[1]] ?? "#";
  return (
    <>
      <div class="board">
        <canvas
          ref={canvas}
          tabIndex={0}
          data-keys
          role="application"
          aria-label="The map. Arrow keys move the cursor, space draws what is chosen, a symbol draws itself."
          aria-describedby="board-cursor"
          onKeyDown={press}
          onFocus={() => setFocused(true)}
          onBlur={() => setFocused(false)}
          onPointerDown={(event) => {
            isDown.current = true;
            draw(event);
          }}
          onPointerMove={draw}
          onPointerUp={() => (isDown.current = false)}
          onPointerLeave={() => (isDown.current = false)}
        />
      </div>
      <p class="soft small" id="board-cursor" role="status">
        Row {at[0] + 1}, column {at[1] + 1}: {names.get(under) ?? under}. Drag to draw; keys work too.
      </p>
    </>
  );
}

const clamp = (value: number, size: number) => Math.min(Math.max(value, 0), size - 1);

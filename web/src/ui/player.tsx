/** Canvases on which episodes move. Those out of sight rest. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Drawing, Trace } from "../api/types";
import { animate, isCalm } from "../draw/clock";
import { Cell, useCell } from "../core/cell";
import { Painter } from "../draw/paint";
import { Icon } from "./icons";
import { usePlayKey } from "./shortcuts";

const STEPS_PER_S = 7;
const REST_STEPS = 7; // shown at the end before it starts over

/** Whether what moves by itself rests, on the whole page. */
export const isResting = new Cell(false);

/** Stops and starts all that moves by itself, as Space does. */
export function RestButton() {
  const rests = useCell(isResting);
  usePlayKey(() => isResting.set(!isResting.value));
  return (
    <button class="button" onClick={() => isResting.set(!rests)} aria-keyshortcuts="Space">
      <Icon name={rests ? "play" : "pause"} /> {rests ? "Play" : "Rest"}
    </button>
  );
}

/** Plays an episode over and over; for who asked for less motion, and at rest, it shows the way that was gone. */
export function Loop(props: { drawing: Drawing; trace: Trace | null; label: string; phase?: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const rests = useCell(isResting);
  const painter = useMemo(() => new Painter(props.drawing, props.trace), [props.drawing, props.trace]);
  useEffect(() => {
    const target = canvas.current;
    if (!target) return undefined;
    let stop: (() => void) | undefined;
    const { length } = painter;
    const show = (seconds: number) => {
      const all = length + REST_STEPS;
      painter.paint(target, Math.min(length, (seconds * STEPS_PER_S + (props.phase ?? 0)) % all));
    };
    const sight = new IntersectionObserver(([entry]) => {
      stop?.();
      stop = undefined;
      fit(target);
      if (entry?.isIntersecting && length && !rests && !isCalm()) stop = animate(show);
      else painter.paint(target, length);
    });
    sight.observe(target);
    return () => {
      sight.disconnect();
      stop?.();
    };
  }, [painter, props.phase, rests]);
  return <canvas ref={canvas} role="img" aria-label={props.label} />;
}

/** An episode at one moment; `time` is in steps. */
export function Still(props: { drawing: Drawing; trace: Trace | null; time: number; label: string; colour?: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useMemo(
    () => new Painter(props.drawing, props.trace, props.colour ? { colour: props.colour } : {}),
    [props.drawing, props.trace, props.colour],
  );
  useEffect(() => {
    const target = canvas.current;
    if (!target) return undefined;
    const paint = () => {
      fit(target);
      painter.paint(target, props.time);
    };
    paint();
    const watcher = new ResizeObserver(paint);
    watcher.observe(target);
    return () => watcher.disconnect();
  }, [painter, props.time]);
  return <canvas ref={canvas} role="img" aria-label={props.label} />;
}

/** Gives a canvas as many pixels as the screen has where it lies. */
export function fit(canvas: HTMLCanvasElement): void {
  const sharp = Math.min(devicePixelRatio || 1, 2);
  const [width, height] = [Math.round(canvas.clientWidth * sharp), Math.round(canvas.clientHeight * sharp)];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

/** The lineage's canvas: pan, zoom, choose and fold, by pointer or by keys. It draws when something changed, once a frame. */
import { useEffect, useRef } from "preact/hooks";
import type { LineageAnswer } from "../api/types";
import { useCell } from "../core/cell";
import { download, fileName } from "../core/export";
import { centre, move, showAll, widen, zoom, type Camera, type Extent } from "../lineage/camera";
import type { Tree } from "../lineage/layout";
import { paintTree, paintWords, worldAt, type Look, type Scene } from "../lineage/paint";
import { treeSvg } from "../lineage/svg";
import { Icon } from "./icons";
import { rampOn } from "./ramp";
import { colour, shade } from "./theme";

interface Props {
  answer: LineageAnswer;
  tree: Tree;
  until: number;
  found: ReadonlySet<number>;
  folded: ReadonlySet<number>;
  selected: number | null;
  title: string;
  onSelect: (id: number | null) => void;
  onFold: (id: number) => void;
}

const KEY_PIXELS = 60;
const COSTLY_MS = 7; // a tree that takes longer than that is drawn anew only once the hand rests
const REST_MS = 160;
const SPARE = 0.3; // of the canvas, that a costly tree is drawn beyond each edge: a hand that moves it finds something there

/** A costly tree as it was drawn last, with some of what is out of sight, and from where. */
interface Kept {
  picture: HTMLCanvasElement;
  camera: Camera;
}

export function TreeCanvas(props: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const camera = useRef<Camera | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const shown = useCell(shade);
  const pending = useRef(0);
  const kept = useRef<Kept | null>(null);
  const isMoving = useRef(false);
  const rest = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const looks = useRef<{ shade: string; look: Look } | null>(null);

  const extent = (): Extent => ({
    width: canvas.current?.clientWidth ?? 1,
    height: canvas.current?.clientHeight ?? 1,
    cycles: latest.current.tree.last || 1,
    rows: latest.current.tree.rows,
  });
  const scene = (): Scene => {
    const { answer, tree, until, found, folded, selected } = latest.current;
    camera.current ??= showAll(extent());
    if (looks.current?.shade !== shown) looks.current = { shade: shown, look: readLook(shown) };
    const longest = answer.columns.path.reduce<number>((most, path) => Math.max(most, path ?? 0), 1);
    return { answer, tree, until, found, folded, selected, camera: camera.current, extent: extent(), look: looks.current.look, longest };
  };
  const draw = () => {
    pending.current ||= requestAnimationFrame(() => {
      pending.current = 0;
      const target = canvas.current;
      const context = target?.getContext("2d", { alpha: false });
      if (!target || !context) return;
      const sharp = Math.min(devicePixelRatio || 1, 2);
      const [width, height] = [Math.round(target.clientWidth * sharp), Math.round(target.clientHeight * sharp)];
      if (target.width !== width || target.height !== height) [target.width, target.height] = [width, height];
      const view = scene();
      context.setTransform(sharp, 0, 0, sharp, 0, 0);
      if (!(isMoving.current && kept.current)) {
        const began = performance.now();
        target.dataset.drawn = String(kept.current ? paintWide(kept.current, view, sharp) : paintTree(context, view));
        const isCostly = performance.now() - began > COSTLY_MS;
        if (isCostly && !kept.current) paintWide((kept.current = { picture: document.createElement("canvas"), camera: view.camera }), view, sharp);
        if (!isCostly && kept.current) {
          kept.current = null;
          paintTree(context, view);
        }
      }
      if (kept.current) paintKept(context, kept.current, view, sharp);
      paintWords(context, view);
    });
  };
  const look = (next: Camera) => {
    camera.current = next;
    isMoving.current = true;
    clearTimeout(rest.current);
    rest.current = setTimeout(() => {
      isMoving.current = false;
      draw();
    }, REST_MS);
    draw();
  };
  const about = (factor: number) => look(zoom(scene().camera, factor, extent().width / 2, extent().height / 2));

  useEffect(draw);
  useEffect(() => {
    const target = canvas.current;
    if (!target) return undefined;
    const watcher = new ResizeObserver(draw);
    watcher.observe(target);
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const { left, top } = target.getBoundingClientRect();
      if (event.shiftKey) look(move(scene().camera, -event.deltaY, 0));
      else look(zoom(scene().camera, Math.exp(-event.deltaY * 0.0018), event.clientX - left, event.clientY - top));
    };
    target.addEventListener("wheel", wheel, { passive: false });
    const letGo = listenToPointers(target, {
      move: (x, y) => look(move(scene().camera, x, y)),
      zoom: (factor, x, y) => look(zoom(scene().camera, factor, x, y)),
      tap: (x, y, isDouble) => {
        const at = worldAt(scene(), x, y);
        const id = at === null ? null : (latest.current.answer.columns.id[at] ?? null);
        if (isDouble && id !== null) latest.current.onFold(id);
        else latest.current.onSelect(id);
      },
    });
    return () => {
      watcher.disconnect();
      target.removeEventListener("wheel", wheel);
      letGo();
      cancelAnimationFrame(pending.current);
      pending.current = 0;
      clearTimeout(rest.current);
    };
  }, []);
  useEffect(() => {
    const at = props.selected === null ? undefined : props.tree.place.get(props.selected);
    if (at === undefined) return;
    const view = scene();
    const [cycle, row] = [props.answer.columns.cycle[at] as number, props.tree.row[at] as number];
    const [x, y] = [(cycle - view.camera.left) * view.camera.across, (row - view.camera.top) * view.camera.down];
    if (x < 0 || y < 0 || x > view.extent.width || y > view.extent.height) look(centre(view.camera, view.extent, cycle, row));
  }, [props.selected]);

  const keys: Record<string, () => void> = {
    ArrowLeft: () => look(move(scene().camera, KEY_PIXELS, 0)),
    ArrowRight: () => look(move(scene().camera, -KEY_PIXELS, 0)),
    ArrowUp: () => look(move(scene().camera, 0, KEY_PIXELS)),
    ArrowDown: () => look(move(scene().camera, 0, -KEY_PIXELS)),
    "+": () => about(1.4),
    "=": () => about(1.4),
    "-": () => about(1 / 1.4),
    f: () => look(showAll(extent())),
  };
  return (
    <div class="tree">
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-label="Tree of worlds. Arrow keys move, plus and minus zoom, f shows all of it. Use the search to choose a world."
        onKeyDown={(event) => {
          const act = keys[event.key];
          if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
          event.preventDefault();
          act();
        }}
      />
      <div class="float">
        <button class="button quiet" onClick={() => about(1.5)} aria-label="Nearer">
          <Icon name="plus" />
        </button>
        <button class="button quiet" onClick={() => about(1 / 1.5)} aria-label="Further">
          <Icon name="minus" />
        </button>
        <button class="button quiet" onClick={() => look(showAll(extent()))} aria-label="All of it">
          <Icon name="fit" />
        </button>
        <button class="button quiet" onClick={() => download(fileName(props.title, "svg"), treeSvg(scene()), "image/svg+xml")} aria-label="Lineage as SVG">
          SVG
        </button>
      </div>
    </div>
  );
}

/** Draws the tree and what lies `SPARE` beyond its edges into the picture that is kept; how many worlds that are. */
function paintWide(kept: Kept, view: Scene, sharp: number): number {
  const { camera, extent } = widen(view.camera, view.extent, SPARE);
  const { picture } = kept;
  const [width, height] = [Math.round(extent.width * sharp), Math.round(extent.height * sharp)];
  if (picture.width !== width || picture.height !== height) [picture.width, picture.height] = [width, height];
  const context = picture.getContext("2d", { alpha: false });
  if (!context) return 0;
  context.setTransform(sharp, 0, 0, sharp, 0, 0);
  kept.camera = camera;
  return paintTree(context, { ...view, camera, extent });
}

/** The picture that was kept, moved and stretched to where it belongs now: as quick for 10,000 worlds as for ten. */
function paintKept(context: CanvasRenderingContext2D, kept: Kept, view: Scene, sharp: number): void {
  const { camera, extent } = view;
  const left = (kept.camera.left - camera.left) * camera.across;
  const top = (kept.camera.top - camera.top) * camera.down;
  context.fillStyle = view.look.surface;
  context.fillRect(0, 0, extent.width, extent.height);
  context.imageSmoothingEnabled = false;
  const [wide, high] = [camera.across / kept.camera.across / sharp, camera.down / kept.camera.down / sharp];
  context.drawImage(kept.picture, left, top, kept.picture.width * wide, kept.picture.height * high);
}

function readLook(shown: "light" | "dark"): Look {
  return {
    text: colour("text"),
    soft: colour("soft"),
    line: colour("line"),
    surface: colour("surface"),
    accent: colour("accent"),
    living: colour("series-1"),
    gone: colour("line-strong"),
    mark: colour("series-2"),
    ramp: rampOn(shown),
  };
}

interface Hands {
  move: (x: number, y: number) => void;
  zoom: (factor: number, x: number, y: number) => void;
  tap: (x: number, y: number, isDouble: boolean) => void;
}

/** One finger or the mouse moves, two fingers zoom, a tap chooses. */
function listenToPointers(target: HTMLElement, hands: Hands): () => void {
  const down = new Map<number, { x: number; y: number }>();
  let travelled = 0;
  let tapped = 0;
  const place = (event: PointerEvent) => {
    const { left, top } = target.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  const press = (event: PointerEvent) => {
    target.setPointerCapture(event.pointerId);
    down.set(event.pointerId, place(event));
    travelled = down.size > 1 ? Infinity : 0;
  };
  const drag = (event: PointerEvent) => {
    const before = down.get(event.pointerId);
    if (!before) return;
    const now = place(event);
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const far = (one: { x: number; y: number }) => Math.hypot(one.x - other.x, one.y - other.y) || 1;
      hands.zoom(far(now) / far(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
    } else {
      travelled += Math.hypot(now.x - before.x, now.y - before.y);
      if (travelled > 3) hands.move(now.x - before.x, now.y - before.y);
    }
    down.set(event.pointerId, now);
  };
  const release = (event: PointerEvent) => {
    const was = down.delete(event.pointerId);
    if (!was || travelled > 3 || event.type !== "pointerup") return;
    const { x, y } = place(event);
    hands.tap(x, y, event.timeStamp - tapped < 350);
    tapped = event.timeStamp;
  };
  const all: [string, (event: PointerEvent) => void][] = [
    ["pointerdown", press],
    ["pointermove", drag],
    ["pointerup", release],
    ["pointercancel", release],
  ];
  for (const [name, act] of all) target.addEventListener(name, act as EventListener);
  return () => {
    for (const [name, act] of all) target.removeEventListener(name, act as EventListener);
  };
}

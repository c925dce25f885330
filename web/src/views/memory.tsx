/** The matrix of solve rates, world by time: what was forgotten stands first, and says so. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ofRun } from "../api/client";
import type { Retention, Summary } from "../api/types";
import { useAsk, useChanges } from "../core/data";
import { useCell } from "../core/cell";
import { percent, plural, short } from "../core/format";
import { memoryCsv, memorySvg, rankMemory, type Remembered } from "../core/memory";
import { formatPlace, useChoice } from "../core/router";
import { FileButtons } from "../ui/files";
import { fit } from "../ui/player";
import { ramp, RAMP } from "../ui/ramp";
import { Card, Choice, Empty, Problem } from "../ui/parts";
import { colour, shade } from "../ui/theme";

const ROW = 18; // pixels
const GUTTER = 56; // where worlds are named
const MARGIN = 74; // where is said what became of them
const FOOT = 20; // where frames are named

export function Memory(props: { run: Summary; hasHeldout: boolean }) {
  const { run } = props;
  const [order, setOrder] = useChoice("rows", "lost");
  const changes = useChanges(run.name, ["rows"], 5_000);
  const { data, error } = useAsk<Retention>(run.has_pool ? ofRun(run.name, "/retention") : null, {}, changes);
  const rows = useMemo(() => {
    const ranked = data ? rankMemory(data) : [];
    return order === "lost" ? ranked : ranked.sort((a, b) => a.at - b.at);
  }, [data, order]);
  const hasData = Boolean(data?.world.length && data.frames.length);
  return (
    <Card
      title="What it remembers"
      note="Solve rates of the policy head alone in a panel of worlds, also after they left the pool. Each row is a world, each column a look at all of them: a row that turns dark again is a world being forgotten."
      tools={
        data && hasData ? (
          <FileButtons title="Matrix" name={`${run.name} memory`} svg={() => memorySvg(data, rows, ramp)} csv={() => memoryCsv(data)} />
        ) : undefined
      }
    >
      {error && <Problem error={error} />}
      {data && hasData ? (
        <>
          <Told rows={rows} looks={data.frames.length} />
          <div class="row">
            <Choice
              label="Rows"
              value={order}
              options={[["lost", "what was lost most first"], ["age", "in the order of the panel"]]}
              onChange={setOrder}
            />
          </div>
          <Matrix data={data} rows={rows} />
          <Table run={run} data={data} rows={rows} />
        </>
      ) : (
        !error && (
          <Empty title={run.has_pool ? "No look yet" : "There is no panel"}>
            {run.has_pool
              ? "The panel is looked at every few cycles, beside the held-out suite."
              : `Only runs with a pool of worlds are looked at so: this one's method chooses levels afresh, and what it can do is seen in its ${props.hasHeldout ? "held-out solve rate" : "closing evaluation"}.`}
          </Empty>
        )
      )}
    </Card>
  );
}

function Told(props: { rows: Remembered[]; looks: number }) {
  const forgotten = props.rows.filter((one) => one.isForgotten);
  const known = props.rows.filter((one) => one.best !== null && one.last !== null);
  const lost = known.reduce((sum, one) => sum + (one.best ?? 0) - (one.last ?? 0), 0) / (known.length || 1);
  if (props.looks < 2) return <p>Looked at once so far: what is forgotten shows from the second look on.</p>;
  return (
    <div class={`notice ${forgotten.length ? "warn" : ""}`}>
      <p>
        <strong>{forgotten.length ? `${plural(forgotten.length, "world")} of ${props.rows.length} forgotten` : `None of ${plural(props.rows.length, "world")} forgotten`}</strong>
        {`: solved in half its episodes or more at some look, and in less than half as many at the last. From best to last look ${percent(lost)} were lost on average, some of it chance.`}
      </p>
    </div>
  );
}

function Matrix(props: { data: Retention; rows: Remembered[] }) {
  const { data, rows } = props;
  const shown = useCell(shade);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [spot, setSpot] = useState<{ look: number; row: number } | null>(null);
  const height = rows.length * ROW + FOOT;
  useEffect(() => {
    const target = canvas.current;
    if (!target) return undefined;
    const paint = () => paintMatrix(target, data, rows);
    paint();
    const watcher = new ResizeObserver(paint);
    watcher.observe(target);
    return () => watcher.disconnect();
  }, [data, rows, shown]);
  const point = (event: MouseEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const look = Math.floor(((event.clientX - box.left - GUTTER) / (box.width - GUTTER - MARGIN)) * data.frames.length);
    const row = Math.floor((event.clientY - box.top) / ROW);
    setSpot(look >= 0 && look < data.frames.length && row >= 0 && row < rows.length ? { look, row } : null);
  };
  const means = data.solved.map((row) => mean(row));
  const under = spot ? rows[spot.row] : undefined;
  return (
    <>
      <div class="matrix" tabIndex={0} role="region" aria-label="Matrix of solve rates">
        <canvas
          ref={canvas}
          style={{ height: `${height}px` }}
          role="img"
          aria-label={`Solve rates of ${rows.length} worlds at ${data.frames.length} looks; the mean went from ${percent(means[0])} to ${percent(means.at(-1))}. The table below has the numbers.`}
          onMouseMove={point}
          onMouseLeave={() => setSpot(null)}
        />
      </div>
      <p class="row small soft">
        <span>
          solve rate 0 %{" "}
          <svg class="ramp" viewBox={`0 0 ${RAMP.length} 1`} preserveAspectRatio="none" aria-hidden="true">
            {RAMP.map((tone, at) => (
              <rect key={tone} x={at} width="1" height="1" fill={tone} />
            ))}
          </svg>{" "}
          100 %
        </span>
        <span>
          {spot && under
            ? `World ${under.world} at ${short(data.frames[spot.look])} frames: ${percent(data.solved[spot.look]?.[under.at] ?? null)}, untrained ${percent(data.untrained[under.at] ?? null)}`
            : "A white bar: the world left the pool. Empty: not yet in the panel."}
        </span>
      </p>
    </>
  );
}

function paintMatrix(target: HTMLCanvasElement, data: Retention, rows: Remembered[]): void {
  const context = target.getContext("2d");
  if (!context) return;
  fit(target);
  const [width, looks] = [target.clientWidth, data.frames.length];
  const side = (width - GUTTER - MARGIN) / looks;
  context.setTransform(target.width / width, 0, 0, target.height / target.clientHeight, 0, 0);
  context.clearRect(0, 0, width, target.clientHeight);
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "middle";
  rows.forEach((one, row) => {
    const [top, middle] = [row * ROW, row * ROW + ROW / 2];
    context.fillStyle = colour("sunken");
    context.fillRect(GUTTER, top, looks * side, ROW - 2);
    data.solved.forEach((values, look) => {
      const value = values[one.at] ?? null;
      if (value === null) return;
      context.fillStyle = ramp(value);
      context.fillRect(GUTTER + look * side, top, Math.ceil(side), ROW - 2);
    });
    const left = data.left[one.at] ?? null;
    const gone = left === null ? -1 : data.cycle.findIndex((cycle) => cycle >= left);
    if (gone >= 0)
      for (const [tone, wide] of [["#23272f", 4], ["#ffffff", 2]] as const) {
        context.fillStyle = tone;
        context.fillRect(GUTTER + gone * side - wide / 2, top, wide, ROW - 2);
      }
    context.textAlign = "right";
    context.fillStyle = colour("soft");
    context.fillText(String(one.world), GUTTER - 8, middle);
    if (!one.isForgotten) return;
    // Where it was best, and that it no longer is: told by shape and word, not by colour alone.
    context.strokeStyle = "#ffffff";
    context.lineWidth = 2;
    context.strokeRect(GUTTER + one.bestLook * side + 1, top + 1, Math.max(3, side - 2), ROW - 4);
    context.textAlign = "left";
    context.fillStyle = colour("bad");
    context.fillText("▼ forgotten", GUTTER + looks * side + 6, middle);
  });
  context.fillStyle = colour("soft");
  const step = Math.max(1, Math.ceil(90 / side));
  for (let look = 0; look < looks; look += step) {
    context.textAlign = "left";
    context.fillText(short(data.frames[look]), GUTTER + look * side, rows.length * ROW + FOOT / 2);
  }
  context.textAlign = "right";
  context.fillText("frames", GUTTER - 8, rows.length * ROW + FOOT / 2);
}

function Table(props: { run: Summary; data: Retention; rows: Remembered[] }) {
  const { data } = props;
  return (
    <details>
      <summary>The worlds in numbers</summary>
      <div class="scroll" tabIndex={0} role="region" aria-label="Worlds of the panel in numbers">
        <table>
          <thead>
            <tr>
              <th scope="col">World</th>
              <th scope="col" class="number">Untrained</th>
              <th scope="col" class="number">Best look</th>
              <th scope="col" class="number">Last look</th>
              <th scope="col">Kept</th>
              <th scope="col" class="number">Left the pool</th>
            </tr>
          </thead>
          <tbody>
            {props.rows.map((one) => (
              <tr key={one.world}>
                <th scope="row">
                  <a href={formatPlace(props.run.name, "worlds", one.world)}>{one.world}</a>
                </th>
                <td class="number">{percent(data.untrained[one.at] ?? null)}</td>
                <td class="number">{percent(one.best)}</td>
                <td class="number">{percent(one.last)}</td>
                <td>{one.isForgotten ? <span class="pill bad">forgotten</span> : "yes"}</td>
                <td class="number">{data.left[one.at] === null ? "lives" : `cycle ${data.left[one.at]}`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function mean(values: (number | null)[]): number | null {
  const given = values.filter((value): value is number => value !== null);
  return given.length ? given.reduce((sum, one) => sum + one, 0) / given.length : null;
}

/** The matrix of solve rates, world by time: a row that grows darker again is a world being forgotten. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ofRun } from "../api/client";
import type { Retention, Summary } from "../api/types";
import { useAsk, useChanges } from "../core/data";
import { useCell } from "../core/cell";
import { download, escape, fileName, toCsv } from "../core/export";
import { percent, short } from "../core/format";
import { formatPlace } from "../core/router";
import { fit } from "../ui/player";
import { ramp, RAMP } from "../ui/ramp";
import { Card, Empty, Problem } from "../ui/parts";
import { colour, shade } from "../ui/theme";

const [CELL, ROW] = [20, 14];

export function Memory(props: { run: Summary }) {
  const { run } = props;
  const changes = useChanges(run.name, ["rows"], 5_000);
  const { data, error } = useAsk<Retention>(ofRun(run.name, "/retention"), {}, changes);
  const hasData = Boolean(data?.world.length && data.frames.length);
  return (
    <Card
      title="What it remembers"
      note="Each row is a world of the panel, each column a look at all of them by the policy head alone. Left of the first look nothing is known; a bar marks where the world left the pool."
      tools={
        data && hasData ? (
          <>
            <button class="button quiet" aria-label="Matrix as SVG" onClick={() => download(fileName(`${run.name} memory`, "svg"), matrixSvg(data), "image/svg+xml")}>
              SVG
            </button>
            <button class="button quiet" aria-label="Matrix as CSV" onClick={() => download(fileName(`${run.name} memory`, "csv"), matrixCsv(data), "text/csv")}>
              CSV
            </button>
          </>
        ) : undefined
      }
    >
      {error && <Problem error={error} />}
      {data && hasData ? <Matrix run={run} data={data} /> : !error && <Empty title="No look yet">The panel is looked at every few cycles, beside the held-out suite.</Empty>}
    </Card>
  );
}

function Matrix(props: { run: Summary; data: Retention }) {
  const { data } = props;
  const shown = useCell(shade);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [spot, setSpot] = useState<{ look: number; row: number } | null>(null);
  useEffect(() => {
    const target = canvas.current;
    const context = target?.getContext("2d");
    if (!target || !context) return;
    target.style.height = `${data.world.length * ROW}px`;
    fit(target);
    context.setTransform(target.width / (data.frames.length * CELL), 0, 0, target.height / (data.world.length * ROW), 0, 0);
    context.fillStyle = colour("sunken");
    context.fillRect(0, 0, data.frames.length * CELL, data.world.length * ROW);
    data.solved.forEach((row, look) =>
      row.forEach((value, world) => {
        if (value === null) return;
        context.fillStyle = ramp(value);
        context.fillRect(look * CELL, world * ROW, CELL, ROW - 1);
      }),
    );
    data.left.forEach((left, world) => {
      const look = left === null ? -1 : data.cycle.findIndex((cycle) => cycle >= left);
      if (look < 0) return;
      for (const [tone, wide] of [["#ffffff", 1.2], ["#23272f", 0.5]] as const) {
        context.fillStyle = tone;
        context.fillRect(look * CELL - wide / 2, world * ROW, wide, ROW - 1);
      }
    });
  }, [data, shown]);
  const point = (event: MouseEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const look = Math.floor(((event.clientX - box.left) / box.width) * data.frames.length);
    const row = Math.floor(((event.clientY - box.top) / box.height) * data.world.length);
    setSpot({ look: Math.min(look, data.frames.length - 1), row: Math.min(row, data.world.length - 1) });
  };
  const means = data.solved.map((row) => mean(row));
  return (
    <>
      <div class="matrix" tabIndex={0} role="region" aria-label="Matrix of solve rates">
        <canvas
          ref={canvas}
          role="img"
          aria-label={`Solve rates of ${data.world.length} worlds at ${data.frames.length} looks; the mean went from ${percent(means[0])} to ${percent(means.at(-1))}.`}
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
          {spot
            ? `World ${data.world[spot.row]} at ${short(data.frames[spot.look])} frames: ${percent(data.solved[spot.look]?.[spot.row] ?? null)}, untrained ${percent(data.untrained[spot.row] ?? null)}`
            : `${short(data.frames[0])} to ${short(data.frames.at(-1))} frames`}
        </span>
      </p>
      <details>
        <summary>First and last look of each world</summary>
        <div class="scroll" tabIndex={0} role="region" aria-label="First and last looks">
          <table>
            <thead>
              <tr>
                <th scope="col">World</th>
                <th scope="col" class="number">Untrained</th>
                <th scope="col" class="number">First</th>
                <th scope="col" class="number">Last</th>
                <th scope="col" class="number">Left the pool</th>
              </tr>
            </thead>
            <tbody>
              {data.world.map((world, at) => {
                const looks = data.solved.map((row) => row[at] ?? null).filter((value) => value !== null);
                return (
                  <tr key={world}>
                    <th scope="row">
                      <a href={formatPlace(props.run.name, "worlds", world)}>{world}</a>
                    </th>
                    <td class="number">{percent(data.untrained[at] ?? null)}</td>
                    <td class="number">{percent(looks[0])}</td>
                    <td class="number">{percent(looks.at(-1))}</td>
                    <td class="number">{data.left[at] === null ? "lives" : `cycle ${data.left[at]}`}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      </details>
    </>
  );
}

function mean(values: (number | null)[]): number | null {
  const given = values.filter((value): value is number => value !== null);
  return given.length ? given.reduce((sum, one) => sum + one, 0) / given.length : null;
}

const matrixCsv = (data: Retention): string =>
  toCsv(["world", "untrained", "left", ...data.frames.map(String)], [
    data.world,
    data.untrained,
    data.left,
    ...data.frames.map((_, look) => data.world.map((_world, at) => data.solved[look]?.[at] ?? null)),
  ]);

function matrixSvg(data: Retention): string {
  const [side, left, top] = [12, 70, 30];
  const cells = data.solved.flatMap((row, look) =>
    row.flatMap((value, at) => (value === null ? [] : [`<rect x="${left + look * side}" y="${top + at * side}" width="${side}" height="${side - 1}" fill="${ramp(value)}"/>`])),
  );
  const names = data.world.map((world, at) => `<text x="${left - 6}" y="${top + at * side + 10}" text-anchor="end">${escape(`world ${world}`)}</text>`);
  const [width, height] = [left + data.frames.length * side + 10, top + data.world.length * side + 10];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="10" fill="#23272F">
<rect width="${width}" height="${height}" fill="#FFFFFF"/><text x="${left}" y="18">Solve rate, ${short(data.frames[0])} to ${short(data.frames.at(-1))} frames</text>
${cells.join("\n")}
${names.join("\n")}
</svg>
`;
}

/** A chart of lines over frames or time, with its key, its values under the pointer, and its export. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useCell } from "../core/cell";
import { fileName, pictureCsv, pictureSvg, type Line, type Picture } from "../core/export";
import { digits, percent, short } from "../core/format";
import { readNext, zoomNext } from "../core/reading";
import { positive } from "../core/series";
import { FileButtons } from "./files";
import { lookOf } from "./looks";
import { Card, Empty } from "./parts";
import { colour, shade } from "./theme";

const HEIGHT = 248;
const LABEL = 18; // of an axis
/** What a chart says of how it shows its numbers. */
export const LOGARITHMIC = "The logarithmic scale leaves out zeros and what is negative.";
export const SMOOTHED = "Smoothed; the CSV is not.";
const FEW = 12; // points that are marked one by one: a line through two of them says little

/** Colour and dash of the nth line: no two are told apart by colour alone. */
export function lineLook(at: number): { colour: string; dash?: number[] } {
  const { tone, ...rest } = lookOf(at);
  return { colour: colour(tone), ...rest };
}

/** `raw` is where the CSV of all that lies behind the picture is; without it, the picture holds all. */
export function Chart(props: {
  picture: Picture;
  raw?: string;
  note?: string;
  empty?: string;
  onZoom?: (from: number | null, to: number | null) => void;
  isZoomed?: boolean;
  /** Where all that there is ends, across. */
  end?: number;
}) {
  const { picture } = props;
  const shown = useCell(shade);
  const [at, setAt] = useState<number | null>(null);
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const zoom = useRef(props.onZoom);
  zoom.current = props.onZoom;
  const shape = [shown, picture.isLog, picture.isShare, ...picture.lines.map((line) => line.name + line.colour + !!line.low)].join();
  const data = useMemo(() => toData(picture), [picture]);
  const isLogged = picture.lines.some((line) => line.values.some((value) => value !== null));
  const hasData = isLogged && (!picture.isLog || picture.lines.some((line) => line.values.some((value) => value !== null && value > 0)));

  useEffect(() => {
    const box = place.current;
    if (!box || !hasData) return undefined;
    const made = new uPlot(options(picture, box.clientWidth, setAt, zoom), data, box);
    plot.current = made;
    const watcher = new ResizeObserver(() => made.setSize({ width: box.clientWidth, height: HEIGHT }));
    watcher.observe(box);
    return () => {
      watcher.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape, hasData]);
  useEffect(() => plot.current?.setData(data), [data]);

  const last = picture.x.length - 1;
  const under = at === null || at > last ? null : at;
  const say = (value: number | null | undefined) => (picture.isShare ? percent(value, 1) : digits(value));
  const [read, setRead] = useState("");
  const onKey = (event: KeyboardEvent) => {
    const [made, first, end] = [plot.current, picture.x[0], picture.x[last]];
    if (!made || first === undefined || end === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = readNext(event.key, under, picture.x.length, event.shiftKey);
    const range = props.onZoom ? zoomNext(event.key, [first, end], picture.x[under ?? last] ?? end, props.end ?? end) : null;
    if (next === null && !range) return;
    event.preventDefault();
    if (range) props.onZoom?.(range.from, range.to);
    if (next === null) return;
    made.setCursor({ left: made.valToPos(picture.x[next] ?? 0, "x"), top: made.over.clientHeight / 2 });
    setRead(`${short(picture.x[next])} ${picture.across}: ${picture.lines.map((line) => `${line.name} ${say(line.values[next])}`).join(", ")}`);
  };
  return (
    <Card
      title={picture.title}
      {...(props.note ? { note: props.note } : {})}
      tools={
        hasData && (
          <>
            {props.isZoomed && (
              <button class="button quiet" onClick={() => props.onZoom?.(null, null)}>
                Show all
              </button>
            )}
            <ChartFiles picture={picture} {...(props.raw ? { raw: props.raw } : {})} />
          </>
        )
      }
    >
      {hasData ? (
        <>
          <div
            class="chart"
            ref={place}
            tabIndex={0}
            role="application"
            aria-label={`${tell(picture, say)} Left and right read its points${props.onZoom ? "; plus and minus zoom, f shows all" : ""}.`}
            onKeyDown={onKey}
            onBlur={() => {
              setRead("");
              plot.current?.setCursor({ left: -10, top: -10 });
            }}
          />
          <p class="hidden" role="status">
            {read}
          </p>
          <ul class="key">
            {picture.lines.map((line) => (
              <li key={line.name}>
                <Swatch line={line} />
                {line.name} <b>{say(under === null ? lastGiven(line.values) : line.values[under])}</b>
              </li>
            ))}
            <li>
              {under === null ? "latest, over" : `at ${short(picture.x[under])}`} {picture.across}
            </li>
          </ul>
        </>
      ) : isLogged ? (
        <Empty title="Nothing above zero">A logarithmic scale has no place for what was measured here.</Empty>
      ) : (
        <Empty title={props.empty ?? "Nothing measured yet"}>The curve begins with the first point that the run logs.</Empty>
      )}
    </Card>
  );
}

function ChartFiles(props: { picture: Picture; raw?: string }) {
  const { picture, raw } = props;
  return (
    <>
      <FileButtons title={picture.title} svg={() => pictureSvg(picture)} {...(raw ? {} : { csv: () => pictureCsv(picture) })} />
      {raw && (
        <a class="button quiet" aria-label={`${picture.title} as CSV`} href={raw} download={fileName(picture.title, "csv")}>
          CSV
        </a>
      )}
    </>
  );
}

function Swatch(props: { line: Line }) {
  return (
    <svg viewBox="0 0 22 10" aria-hidden="true">
      <path d="M1 5H21" stroke={props.line.colour} stroke-width="2.500" stroke-dasharray={props.line.dash?.join(" ") ?? "none"} />
    </svg>
  );
}

function toData(picture: Picture): uPlot.AlignedData {
  const fit = (values: Line["values"]) => (picture.isLog ? positive(values) : values);
  return [
    picture.x,
    ...picture.lines.flatMap((line) => [
      fit(line.values),
      ...(line.low && line.high ? [fit(line.low), fit(line.high)] : []),
    ]),
  ] as uPlot.AlignedData;
}

function options(
  picture: Picture,
  width: number,
  setAt: (at: number | null) => void,
  zoom: { current: ((from: number | null, to: number | null) => void) | undefined },
): uPlot.Options {
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  for (const line of picture.lines) {
    series.push({ label: line.name, stroke: line.colour, width: 2, spanGaps: true, points: { show: isFew }, ...(line.dash ? { dash: line.dash } : {}) });
    if (line.low && line.high) {
      const edge = { stroke: line.colour, width: 0.5, spanGaps: true, points: { show: false } };
      series.push(edge, edge);
      bands.push({ series: [series.length - 1, series.length - 2], fill: `${line.colour}26` });
    }
  }
  const axis: uPlot.Axis = {
    stroke: colour("soft"),
    font: "12px system-ui, sans-serif",
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
    labelFont: "12px system-ui, sans-serif",
    labelSize: LABEL,
    labelGap: 0,
  };
  return {
    width,
    height: HEIGHT,
    series,
    bands,
    padding: [8, 12, 0, 0],
    cursor: {
      points: { size: 7 },
      drag: { x: Boolean(zoom.current), y: false, setScale: false },
      bind: { dblclick: () => () => (zoom.current?.(null, null), null) },
    },
    scales: { x: { time: false }, y: { distr: picture.isLog ? 3 : 1, ...(picture.isShare ? { range: [0, 1] } : picture.isLog ? {} : { range: widen }) } },
    axes: [
      { ...axis, label: AXES[picture.across] ?? picture.across, values: (_, ticks) => ticks.map((tick) => short(tick)), space: 70, size: 28 },
      {
        ...axis,
        label: nameDown(picture),
        size: 52,
        values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : picture.isShare ? percent(tick) : digits(tick))),
      },
    ],
    hooks: {
      setCursor: [(plot) => setAt(plot.cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          if (plot.select.width < 8) return;
          const from = plot.posToVal(plot.select.left, "x");
          const to = plot.posToVal(plot.select.left + plot.select.width, "x");
          plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          zoom.current?.(Math.floor(from), Math.ceil(to));
        },
      ],
    },
  };
}

const AXES: Record<string, string> = { s: "seconds of work" };

/** What stands beside the axis: the unit, or the name of the one line that has none. */
const nameDown = (picture: Picture): string =>
  picture.unit ?? (picture.isShare ? "share" : picture.lines.length === 1 ? (picture.lines[0]?.name ?? "") : "");

const isFew = (plot: uPlot, at: number): boolean => [...(plot.data[at] ?? [])].filter((value) => value !== null && value !== undefined).length < FEW;

/** Ends of the axis: a line that never moves has some room above and below it. */
function widen(_: uPlot, least: number | null, most: number | null): uPlot.Range.MinMax {
  if (least === null || most === null) return [0, 1];
  if (least === most) return least === 0 ? [0, 1] : [Math.min(0, 2 * least), Math.max(0, 2 * least)];
  return uPlot.rangeNum(least, most, 0.1, true);
}

const lastGiven = (values: Line["values"]) => values.findLast((value) => value !== null);

function tell(picture: Picture, say: (value: number | null | undefined) => string): string {
  const lines = picture.lines.map((line) => `${line.name}, latest ${say(lastGiven(line.values))}`);
  return `${picture.title} over ${picture.across}: ${lines.join("; ")}.`;
}

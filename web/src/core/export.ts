/** A chart as a file of its own: CSV for programs, SVG for papers. Pure, but for `download`. */
import type { Maybe } from "../api/types";
import { digits, short } from "./format";

export interface Line {
  name: string;
  colour: string;
  dash?: number[];
  values: Maybe<number>[];
  low?: Maybe<number>[];
  high?: Maybe<number>[];
}

export interface Picture {
  title: string;
  across: string;
  /** Of what its lines show; a share where it says nothing and `isShare`. */
  unit?: string;
  x: number[];
  lines: Line[];
  isLog?: boolean;
  isShare?: boolean;
}

export function toCsv(header: string[], columns: (Maybe<number> | string)[][]): string {
  const size = Math.max(0, ...columns.map((column) => column.length));
  const rows = Array.from({ length: size }, (_, at) => columns.map((column) => quoteCell(column[at])).join(","));
  return `${[header.map(quoteCell).join(","), ...rows].join("\n")}\n`;
}

const ACROSS: Record<string, string> = { frames: "frames [env steps]", updates: "updates [gradient steps]", s: "time at work [s]" };

/** What a picture shows, with units in the header. */
export function pictureCsv(picture: Picture): string {
  const header = [ACROSS[picture.across] ?? picture.across];
  const unit = picture.unit ?? (picture.isShare ? "share" : "");
  const title = (name: string) => (unit ? `${name} [${unit}]` : name);
  const columns: Maybe<number>[][] = [picture.x];
  for (const line of picture.lines) {
    header.push(title(line.name));
    columns.push(line.values);
    if (line.low && line.high) {
      header.push(title(`${line.name} low`), title(`${line.name} high`));
      columns.push(line.low, line.high);
    }
  }
  return toCsv(header, columns);
}

/** Spreadsheets run what begins with = + - @: such a text gets a quote before it. */
export function quoteCell(value: Maybe<number> | string | undefined): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const safe = /^[=+\-@\t]/.test(value) ? `'${value}` : value;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [720, 400, 64, 16, 40, 64];

export function pictureSvg(picture: Picture): string {
  const shown = (value: Maybe<number> | undefined): value is number =>
    value !== null && value !== undefined && Number.isFinite(value) && (!picture.isLog || value > 0);
  const all = picture.lines.flatMap((line) => [...line.values, ...(line.low ?? []), ...(line.high ?? [])]).filter(shown);
  let [least, most] = all.length ? [Math.min(...all), Math.max(...all)] : [0, 1];
  if (picture.isShare) [least, most] = [0, 1];
  if (least === most) [least, most] = [least - 0.5, most + 0.5];
  const [first, last] = [picture.x[0] ?? 0, picture.x.at(-1) ?? 1];
  const scale = (value: number) => (picture.isLog ? Math.log10(value) : value);
  const right = (value: number) => LEFT + ((value - first) / (last - first || 1)) * (WIDTH - LEFT - RIGHT);
  const down = (value: number) =>
    TOP + (1 - (scale(value) - scale(least)) / (scale(most) - scale(least) || 1)) * (HEIGHT - TOP - BOTTOM);
  const point = (at: number, value: number) => `${right(picture.x[at] ?? 0).toFixed(1)} ${down(value).toFixed(1)}`;
  const draw = (values: Maybe<number>[]) => {
    let path = "";
    let isPen = false;
    values.forEach((value, at) => {
      if (shown(value)) path += `${isPen ? "L" : "M"}${point(at, value)}`;
      isPen = shown(value);
    });
    return path;
  };
  const marks: string[] = [];
  for (let step = 0; step <= 4; step += 1) {
    const value = picture.isLog ? least * (most / least) ** (step / 4) : least + ((most - least) * step) / 4;
    const y = down(value).toFixed(1);
    marks.push(`<path d="M${LEFT} ${y}H${WIDTH - RIGHT}" stroke="#D8DCE3"/>`);
    marks.push(`<text x="${LEFT - 8}" y="${y}" dy=".35em" text-anchor="end">${digits(value)}</text>`);
    const x = first + ((last - first) * step) / 4;
    marks.push(`<text x="${right(x).toFixed(1)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${short(x)}</text>`);
  }
  const lines = picture.lines.map((line) => {
    const dash = line.dash ? ` stroke-dasharray="${line.dash.join(" ")}"` : "";
    const band = line.low && line.high ? drawBand(line.low, line.high, point, shown, line.colour) : "";
    return `${band}<path d="${draw(line.values)}" fill="none" stroke="${line.colour}" stroke-width="2"${dash}/>`;
  });
  const key = picture.lines.map((line, at) => {
    const x = LEFT + at * Math.min(160, (WIDTH - LEFT) / picture.lines.length);
    return `<path d="M${x} ${HEIGHT - 14}h18" stroke="${line.colour}" stroke-width="3"/><text x="${x + 24}" y="${HEIGHT - 10}">${escape(line.name)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12" fill="#23272F">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#FFFFFF"/>
<text x="${LEFT}" y="22" font-size="15" font-weight="bold">${escape(picture.title)}</text>
${marks.join("\n")}
${lines.join("\n")}
<text x="${WIDTH - RIGHT}" y="${HEIGHT - BOTTOM + 34}" text-anchor="end">${escape(picture.across)}</text>
${key.join("\n")}
</svg>
`;
}

function drawBand(
  low: Maybe<number>[],
  high: Maybe<number>[],
  point: (at: number, value: number) => string,
  shown: (value: Maybe<number> | undefined) => value is number,
  colour: string,
): string {
  const places = low.map((_, at) => at).filter((at) => shown(low[at]) && shown(high[at]));
  if (places.length < 2) return "";
  const there = places.map((at) => point(at, high[at] as number));
  const back = [...places].reverse().map((at) => point(at, low[at] as number));
  return `<path d="M${[...there, ...back].join("L")}Z" fill="${colour}" fill-opacity=".18"/>`;
}

export const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** `solve rate, seed0` → `solve-rate-seed0.csv`. */
export const fileName = (title: string, ending: string): string =>
  `${title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "chart"}.${ending}`;

export function download(name: string, text: string, kind: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: kind }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1_000);
}

/** Where a run's time goes, as one bar. */
import type { Columns } from "../api/types";
import { escape, toCsv } from "../core/export";
import { duration, percent } from "../core/format";
import { splitTime } from "../core/series";
import { FileButtons } from "../ui/files";
import { Card, Empty } from "../ui/parts";

type Part = readonly [name: string, seconds: number, tone: string, paper: string];

/** `isPart`: the columns don't begin with the run. */
export function Time(props: { run: string; columns: Columns; isPart: boolean }) {
  const shares = splitTime(props.columns, props.isPart);
  const all = shares ? (shares.training ?? 0) + shares.rest + shares.compiling : 0;
  const parts: Part[] = shares
    ? [
        ...(shares.training === null ? [] : ([["training", shares.training, "series-1", "#0072B2"]] as Part[])),
        [shares.training === null ? "training and all else" : "judging, looking, saving", shares.rest, "series-2", "#D55E00"],
        ["compiling", shares.compiling, "series-5", "#8A6D00"],
      ]
    : [];
  const note = [
    shares?.training === null ? "This run doesn’t say how long it trained." : "",
    props.isPart ? "Of the frames shown." : "",
  ];
  return (
    <Card
      title="Where the time goes"
      note={note.filter(Boolean).join(" ")}
      tools={
        all > 0 && (
          <FileButtons
            title="Where the time goes"
            name={`${props.run} time`}
            svg={() => timeSvg(parts, all)}
            csv={() => toCsv(["part", "time [s]", "share"], [parts.map(([name]) => name), parts.map(([, seconds]) => seconds), parts.map(([, seconds]) => seconds / all)])}
          />
        )
      }
    >
      {all > 0 ? (
        <>
          <div class="meter" role="img" aria-label={parts.map(([name, seconds]) => `${name} ${percent(seconds / all)}`).join(", ")}>
            {parts.map(([name, seconds, tone]) => (
              <span key={name} style={{ width: `${(100 * seconds) / all}%`, background: `var(--${tone})` }} />
            ))}
          </div>
          <table>
            <tbody>
              {parts.map(([name, seconds, tone]) => (
                <tr key={name}>
                  <th scope="row">
                    <svg width="10" height="10" aria-hidden="true">
                      <rect width="10" height="10" rx="2" style={{ fill: `var(--${tone})` }} />
                    </svg>{" "}
                    {name}
                  </th>
                  <td class="number">{duration(seconds)}</td>
                  <td class="number">{percent(seconds / all)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      ) : (
        <Empty title="Nothing measured yet" />
      )}
    </Card>
  );
}

function timeSvg(parts: Part[], all: number): string {
  let at = 10;
  const bars = parts.map(([name, seconds, , paper], row) => {
    const width = (700 * seconds) / all;
    const drawn = `<rect x="${at.toFixed(1)}" y="34" width="${width.toFixed(1)}" height="24" fill="${paper}"/>`;
    at += width;
    const y = 86 + row * 20;
    return `${drawn}<rect x="10" y="${y - 10}" width="12" height="12" fill="${paper}"/><text x="30" y="${y}">${escape(`${name}: ${duration(seconds)}, ${percent(seconds / all)}`)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 150" width="720" height="150" font-family="sans-serif" font-size="12" fill="#23272F">
<rect width="720" height="150" fill="#FFFFFF"/><text x="10" y="22" font-size="15" font-weight="bold">Where the time goes</text>
${bars.join("\n")}
</svg>
`;
}

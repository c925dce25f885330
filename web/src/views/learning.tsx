/** Curves, runs side by side, what is remembered, and where the time goes. */
import { ofRun, withQuery, API } from "../api/client";
import type { Columns, Summary } from "../api/types";
import { useCell } from "../core/cell";
import { useMetrics, useRuns } from "../core/data";
import { duration, percent, spoken } from "../core/format";
import { choose, useChoice, useTitle } from "../core/router";
import { smooth, splitTime } from "../core/series";
import { Chart, lineLook } from "../ui/chart";
import { Card, Choice, Empty, Heading, Problem, Toggle } from "../ui/parts";
import { shade } from "../ui/theme";
import { Compare } from "./compare";
import { Memory } from "./memory";

interface Group {
  title: string;
  names: string[];
  isShare?: boolean;
  note?: string;
}

const GROUPS: Group[] = [
  { title: "Solve rate", names: ["solve_rate", "heldout_solve_rate"], isShare: true },
  { title: "Return", names: ["return_mean"] },
  { title: "Loss by term", names: ["loss_policy", "loss_value", "loss_reward", "loss_decay", "loss_ewc"], note: "Each term as it enters the sum. The logarithmic scale leaves out zeros." },
  { title: "Gradient norm", names: ["gradient_norm"] },
  { title: "Policy entropy", names: ["policy_entropy"] },
  { title: "Frames a second", names: ["frames_per_s"] },
  { title: "Pool", names: ["pool", "median_path"] },
];
const NOT_CURVES = new Set(["frames", "updates", "cycle", "wall_s", "compile_s"]);

export function LearningView(props: { run: Summary }) {
  const { run } = props;
  useTitle(`Learning, ${run.name}`);
  useCell(shade);
  const [smoothing, setSmoothing] = useChoice("smooth", "0");
  const [log, setLog] = useChoice("log", "");
  const [by, setBy] = useChoice("x", "frames");
  const [from] = useChoice("from", "");
  const [to] = useChoice("to", "");
  const span = { from: from === "" ? null : Number(from), to: to === "" ? null : Number(to) };
  const curve = useMetrics(run.name, span);
  const columns = curve.columns ?? {};
  const zoom = (start: number | null, end: number | null) =>
    choose({ from: start === null ? null : String(Math.max(0, start)), to: end === null ? null : String(end) });
  const weight = Math.min(0.99, Number(smoothing) || 0);
  const listed = new Set(GROUPS.flatMap((group) => group.names));
  const others = Object.keys(columns).filter((name) => !listed.has(name) && !NOT_CURVES.has(name) && columns[name]?.some((value) => value !== null));
  const groups: Group[] = [...GROUPS, ...others.map((name) => ({ title: sentence(spoken(name)), names: [name] }))];
  return (
    <>
      <Heading title="Learning">Curves grow while the run goes on. Drag over a chart to look closer.</Heading>
      <div class="row">
        <label class="field">
          Smoothing {percent(weight)}
          <input type="range" min={0} max={0.99} step={0.01} value={smoothing} onInput={(event) => setSmoothing(event.currentTarget.value)} />
        </label>
        <Choice label="Over" value={by} options={[["frames", "frames"], ["wall_s", "seconds of work"], ["updates", "updates"]]} onChange={setBy} />
        <Toggle label="logarithmic" isOn={log !== ""} onChange={(isOn) => setLog(isOn ? "1" : "")} />
        {(from || to) && (
          <button class="button" onClick={() => zoom(null, null)}>
            Show all
          </button>
        )}
        <a class="button" href={withQuery(API + ofRun(run.name, "/metrics"), { format: "csv", points: 5000, ...span })} download>
          All as CSV
        </a>
      </div>
      {curve.error && <Problem error={curve.error} />}
      <div class="grid wide">
        {groups.map((group) => {
          const names = group.names.filter((name) => columns[name]?.some((value) => value !== null));
          if (!names.length && group !== GROUPS[0]) return null;
          return (
            <Chart
              key={group.title}
              {...(group.note && log ? { note: group.note } : {})}
              isZoomed={from !== "" || to !== ""}
              {...(by === "frames" ? { onZoom: zoom } : {})}
              picture={{
                title: group.title,
                across: by === "wall_s" ? "s" : by,
                x: (columns[by] ?? []) as number[],
                isLog: log !== "" && !group.isShare,
                isShare: group.isShare ?? false,
                lines: names.map((name, at) => ({ name: spoken(name), values: smooth(columns[name] ?? [], weight), ...lineLook(at) })),
              }}
            />
          );
        })}
        <Time columns={columns} />
      </div>
      <Memory run={run} />
      <CompareCard run={run} />
    </>
  );
}

const sentence = (words: string) => words.charAt(0).toUpperCase() + words.slice(1);

function Time(props: { columns: Columns }) {
  const shares = splitTime(props.columns);
  const all = shares ? shares.training + shares.rest + shares.compiling : 0;
  const parts = shares
    ? ([
        ["training", shares.training, "series-1"],
        ["judging, looking, saving", shares.rest, "series-2"],
        ["compiling", shares.compiling, "series-5"],
      ] as const)
    : [];
  return (
    <Card title="Where the time goes" note="Training is what the logged frames took at their logged rate; compiling is counted apart by the run; the rest is the rest.">
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
                  <td>
                    <svg width="10" height="10" aria-hidden="true">
                      <rect width="10" height="10" rx="2" style={{ fill: `var(--${tone})` }} />
                    </svg>{" "}
                    {name}
                  </td>
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

function CompareCard(props: { run: Summary }) {
  const runs = useRuns();
  const [chosen, setChosen] = useChoice("with", "");
  const others = (runs.data ?? []).filter((run) => run.name !== props.run.name);
  const picked = new Set(chosen.split(",").filter(Boolean).map(decodeURIComponent));
  const toggle = (name: string) => {
    const next = new Set(picked);
    if (!next.delete(name)) next.add(name);
    setChosen([...next].map(encodeURIComponent).join(","));
  };
  return (
    <Card title="Beside other runs" note="Runs that differ in their seed alone are one group: their mean, with a 95 % bootstrap interval over runs.">
      {others.length ? (
        <div class="row">
          {others.slice(0, 40).map((run) => (
            <button class="button" key={run.name} aria-pressed={picked.has(run.name)} onClick={() => toggle(run.name)}>
              {run.name}
            </button>
          ))}
        </div>
      ) : (
        <Empty title="There is no other run in the folder" />
      )}
      {picked.size > 0 && <Compare runs={[props.run.name, ...picked].slice(0, 20)} />}
    </Card>
  );
}

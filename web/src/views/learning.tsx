/** Curves, runs side by side, what is remembered, and where the time goes. */
import { ofRun, rawOf, withQuery, API } from "../api/client";
import type { Summary } from "../api/types";
import { useCell } from "../core/cell";
import { useMetrics, usePaced, useRuns } from "../core/data";
import { percent, plural, sentence, spoken } from "../core/format";
import { choose, useChoice, useTitle } from "../core/router";
import { smooth } from "../core/series";
import { Chart, lineLook, LOGARITHMIC, SMOOTHED } from "../ui/chart";
import { Card, Choice, Empty, Heading, Problem, Toggle } from "../ui/parts";
import { shade } from "../ui/theme";
import { Compare } from "./compare";
import { Memory } from "./memory";
import { Time } from "./time";

interface Group {
  title: string;
  names: string[];
  isShare?: boolean;
  unit?: string;
  note?: string;
}

/** What a person looks at first; what else a run measures stands below. */
const FIRST: Group[] = [
  { title: "Solve rate", names: ["solve_rate", "heldout_solve_rate"], isShare: true },
  { title: "Return", names: ["return_mean"], unit: "reward an episode" },
  { title: "Loss by term", names: ["loss_policy", "loss_value", "loss_reward", "loss_decay", "loss_ewc"], unit: "loss", note: "Each term as it enters the sum." },
];
const THEN: Group[] = [
  { title: "Frames a second", names: ["frames_per_s"], unit: "env steps/s" },
  { title: "Gradient norm", names: ["gradient_norm"] },
  { title: "Policy entropy", names: ["policy_entropy"], unit: "nats" },
  { title: "Pool and its median shortest path", names: ["pool", "median_path"], unit: "worlds; steps" },
  { title: "Worlds accepted and rejected", names: ["worlds_accepted", "worlds_rejected"], unit: "worlds" },
  { title: "Honeypots and incidents", names: ["honeypots", "incidents"], unit: "worlds" },
];
const NOT_CURVES = new Set(["frames", "updates", "cycle", "wall_s", "train_s", "compile_s"]);

export function LearningView(props: { run: Summary }) {
  const { run } = props;
  useTitle(`Learning, ${run.name}`);
  useCell(shade);
  const [smoothing, setSmoothing] = useChoice("smooth", "0");
  const [log, setLog] = useChoice("log", "");
  const [by, setBy] = useChoice("x", "frames");
  const [from] = useChoice("from", "");
  const [to] = useChoice("to", "");
  const [isOpen, setOpen] = useChoice("more", "");
  const span = { from: from === "" ? null : Number(from), to: to === "" ? null : Number(to) };
  const curve = useMetrics(run.name, span);
  const columns = curve.columns ?? {};
  const zoom = (start: number | null, end: number | null) =>
    choose({ from: start === null ? null : String(Math.max(0, start)), to: end === null ? null : String(end) });
  const weight = Math.min(0.99, Number(smoothing) || 0);
  const isGiven = (name: string) => columns[name]?.some((value) => value !== null) ?? false;
  const listed = new Set([...FIRST, ...THEN].flatMap((group) => group.names));
  const others = Object.keys(columns).filter((name) => !listed.has(name) && !NOT_CURVES.has(name) && isGiven(name));
  const more = [...THEN, ...others.map((name): Group => ({ title: sentence(spoken(name)), names: [name] }))].filter((group) => group.names.some(isGiven));
  const draw = (group: Group) => {
    const names = group.names.filter(isGiven);
    const isLog = log !== "" && !group.isShare;
    const notes = [group.note, isLog ? LOGARITHMIC : "", weight ? SMOOTHED : ""].filter(Boolean).join(" ");
    return (
      <Chart
        key={group.title}
        {...(notes ? { note: notes } : {})}
        raw={rawOf(run.name, names.length ? names : group.names, span)}
        isZoomed={from !== "" || to !== ""}
        {...(by === "frames" ? { onZoom: zoom, end: run.frames ?? 0 } : {})}
        picture={{
          title: group.title,
          across: by === "wall_s" ? "s" : by,
          x: (columns[by] ?? []) as number[],
          isLog,
          isShare: group.isShare ?? false,
          ...(group.unit ? { unit: group.unit } : {}),
          lines: names.map((name, at) => ({ name: spoken(name), values: smooth(columns[name] ?? [], weight), ...lineLook(at) })),
        }}
      />
    );
  };
  return (
    <>
      <Heading title="Learning">
        Curves grow while the run goes on. Drag over a chart to look closer.
        {curve.isSampled && " A long run is shown thinned evenly; closer up, and in the CSV, every row is there."}
      </Heading>
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
        <a class="button" href={withQuery(API + ofRun(run.name, "/metrics"), { format: "csv", ...span })} download>
          All as CSV
        </a>
      </div>
      {curve.error && <Problem error={curve.error} />}
      <div class="grid wide">
        {FIRST.filter((group) => group === FIRST[0] || group.names.some(isGiven)).map(draw)}
        <Time run={run.name} columns={columns} isPart={from !== ""} />
      </div>
      <Memory run={run} hasHeldout={isGiven("heldout_solve_rate")} />
      <CompareCard run={run} weight={weight} isLog={log !== ""} />
      {more.length > 0 && (
        <details open={isOpen !== ""} onToggle={(event) => setOpen(event.currentTarget.open ? "1" : "")}>
          <summary>All else that the run measures: {plural(more.length, "chart")}</summary>
          {isOpen !== "" && <div class="grid wide">{more.map(draw)}</div>}
        </details>
      )}
    </>
  );
}

const COMPARE_MS = 4_000;
const MOST_COMPARED = 20;
const MOST_LISTED = 40;

function CompareCard(props: { run: Summary; weight: number; isLog: boolean }) {
  const runs = useRuns();
  const [chosen, setChosen] = useChoice("with", "");
  const picked = new Set(readNames(chosen));
  const others = (runs.data ?? []).filter((run) => run.name !== props.run.name);
  const isThere = (name: string) => others.some((run) => run.name === name);
  const gone = runs.data ? [...picked].filter((name) => !isThere(name)) : [];
  const compared = [props.run.name, ...[...picked].filter(isThere)].slice(0, MOST_COMPARED);
  const grown = (runs.data ?? []).filter((run) => compared.includes(run.name)).map((run) => `${run.name} ${run.frames}`);
  const version = usePaced(grown.join(), COMPARE_MS);
  const toggle = (name: string) => {
    const next = new Set(picked);
    if (!next.delete(name)) next.add(name);
    setChosen(writeNames([...next]));
  };
  return (
    <Card title="Beside other runs" note="Runs that differ in their seed alone are one group: their mean, with a 95 % bootstrap interval over runs.">
      {others.length ? (
        <div class="row" role="group" aria-label="Runs to compare with">
          {others.filter((run, at) => at < MOST_LISTED || picked.has(run.name)).map((run) => (
            <button class="button" key={run.name} aria-pressed={picked.has(run.name)} onClick={() => toggle(run.name)}>
              {run.name}
            </button>
          ))}
        </div>
      ) : (
        <Empty title="There is no other run in the folder" />
      )}
      {gone.length > 0 && (
        <div class="notice warn">
          <p>{`${gone.length === 1 ? "One run" : "Some runs"} of this address ${gone.length === 1 ? "is" : "are"} not in the folder, so the chart is without: ${gone.join(", ")}.`}</p>
          <button class="button" onClick={() => setChosen(writeNames([...picked].filter(isThere)))}>
            Leave out
          </button>
        </div>
      )}
      {compared.length > 1 && <Compare runs={compared} version={version} weight={props.weight} isLog={props.isLog} />}
    </Card>
  );
}

/** Names in an address: each is encoded, since one may hold a comma or a sign of percent. */
function readNames(listed: string): string[] {
  return listed.split(",").filter(Boolean).flatMap((name) => {
    try {
      return [decodeURIComponent(name)];
    } catch {
      return []; // of an address that was cut or written by hand
    }
  });
}

const writeNames = (names: string[]): string => names.map(encodeURIComponent).join(",");

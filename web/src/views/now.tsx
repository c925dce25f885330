/** What the run is doing this second. */
import type { Columns, LedgerEvent, Summary } from "../api/types";
import { ofRun, rawOf } from "../api/client";
import { useCell } from "../core/cell";
import { now, useAsk, useChanges, useMetrics } from "../core/data";
import { clock, count, digits, duration, percent, plural, sentence, short } from "../core/format";
import { formatPlace, useTitle } from "../core/router";
import { ageOf } from "../core/run";
import { Chart, lineLook } from "../ui/chart";
import { tellEvent } from "../ui/events";
import { Card, Empty, Figure, Heading } from "../ui/parts";

const RATES = ["solve_rate", "heldout_solve_rate"];

export function NowView(props: { run: Summary }) {
  const { run } = props;
  useTitle(`Now, ${run.name}`);
  const { columns } = useMetrics(run.name, { from: null, to: null });
  const rows = columns?.frames?.length ?? 0;
  const time = useCell(now);
  return (
    <>
      <Heading title={run.name}>{[run.preset, run.curriculum, run.seed === null ? null : `seed ${run.seed}`].filter(Boolean).join(" · ")}</Heading>
      <Doing run={run} hasRows={rows > 0} />
      <section class="card" aria-label="Numbers of this moment">
        <dl class="numbers">
          <Figure name="Frames" value={count(run.frames)} note={`${count(run.updates)} updates`} />
          <Figure
            name="Frames a second"
            value={count(run.frames_per_s)}
            note={run.replay_ratio === null ? undefined : `replay ratio ${digits(run.replay_ratio)}: sequences learned from for each frame`}
          />
          <SolveRate run={run} />
          {run.has_pool && (
            <Figure name="Living worlds" value={count(run.pool)} note={`${plural(run.cycle ?? 0, "cycle")}: ${count(run.worlds_accepted)} accepted, ${count(run.worlds_rejected)} rejected`} />
          )}
          {!run.has_pool && <Levels columns={columns} />}
          <TimeLeft run={run} />
        </dl>
      </section>
      <div class="grid wide">
        <Chart
          raw={rawOf(run.name, RATES)}
          picture={{
            title: "Solve rate",
            across: "frames",
            x: (columns?.frames ?? []) as number[],
            isShare: true,
            lines: RATES
              .filter((name) => columns?.[name])
              .map((name, at) => ({ name: at ? "held out" : "in training", values: columns?.[name] ?? [], ...lineLook(at) })),
          }}
          empty={waitingFor(run, time)}
        />
        <Happenings run={run} />
      </div>
    </>
  );
}

/** What share of the training episodes between two log points reached the goal, and how sure that is. */
function SolveRate(props: { run: Summary }) {
  const { run } = props;
  const points = plural(run.solve_points, "log point");
  if (run.solve_mean === null) return <Figure name="Solve rate" value={percent(null)} note="of training episodes" />;
  if (run.solve_low === null)
    return <Figure name="Solve rate" value={percent(run.solve_mean)} note={`of training episodes, over the last ${points}: too few yet for an interval`} />;
  return (
    <Figure
      name="Solve rate"
      value={percent(run.solve_mean)}
      beside={`${percent(run.solve_low)} to ${percent(run.solve_high)}`}
      note={`of training episodes: mean of the last ${points} with its 95 % interval; ${percent(run.solve_rate)} at the last`}
    />
  );
}

/** What a method that chooses levels says of them. */
function Levels(props: { columns: Columns | null }) {
  const last = (name: string) => props.columns?.[name]?.findLast((value) => value !== null) ?? null;
  const kept = last("buffer");
  return (
    <>
      {kept !== null && <Figure name="Levels kept" value={count(kept)} note="in the method's buffer" />}
      <Figure name="Rounds replayed" value={percent(last("replay_share"))} note="on levels that were kept" />
    </>
  );
}

const WORKING = "This takes some seconds at first.";
const SAID: Partial<Record<Summary["state"], string>> = {
  starting: "Starting",
  compiling: "Compiling",
  training: "Training",
  judging: "A cycle of the curriculum: new worlds are judged",
  saving: "Saving a checkpoint",
  paused: "Paused",
  evaluating: "The closing evaluation",
  filming: "Filming the agent",
  reporting: "Writing the report",
  finished: "Finished",
  stopped: "Stopped before its budget was spent; it can be gone on with",
  crashed: "Crashed",
  silent: "No sign of life: the process is gone or stuck",
  unknown: "Nothing says whether this run still works",
};

function Doing(props: { run: Summary; hasRows: boolean }) {
  const { run } = props;
  const time = useCell(now);
  const isBad = run.state === "crashed" || run.state === "silent";
  const age = ageOf(run, time);
  const words = run.is_live && run.doing ? run.doing : (SAID[run.state] ?? run.state);
  return (
    <div class={`notice ${isBad ? "bad" : run.state === "paused" || run.state === "stopped" ? "warn" : ""}`} role="status">
      <p>
        <strong>{sentence(words)}</strong>
        {run.is_live && age !== null && <span class="soft">, {duration(age)}</span>}
        {run.is_live && !props.hasRows && run.state === "compiling" && ` – ${WORKING}`}
        {run.error && <span> {run.error}</span>}
      </p>
      {run.state === "paused" && <a href={formatPlace(run.name, "steering")}>Resume under Steering</a>}
      {run.files.report && (
        <a href={`/api/v1${ofRun(run.name, "/report")}`} target="_blank" rel="noopener">
          Report
        </a>
      )}
    </div>
  );
}

function waitingFor(run: Summary, time: number): string {
  if (run.state === "compiling") return `Compiling, ${duration(ageOf(run, time))}`;
  return run.is_live ? "No point logged yet" : "This run logged no points";
}

function TimeLeft(props: { run: Summary }) {
  const { run } = props;
  const worked = (run.wall_s ?? 0) + (run.compile_s ?? 0);
  const note = `${duration(worked)} so far${run.budget?.minutes ? ` of ${digits(run.budget.minutes)} min` : ""}`;
  if (!run.is_live) return <Figure name="Time" value={duration(worked)} note={run.budget?.minutes ? `budget ${digits(run.budget.minutes)} min` : ""} />;
  const byFrames = run.budget?.frames && run.frames !== null ? `${short(run.frames)} of ${short(run.budget.frames)} frames` : "";
  return <Figure name="Time left" value={run.seconds_left === null ? "not known" : duration(run.seconds_left)} note={byFrames || note} />;
}

function Happenings(props: { run: Summary }) {
  const changes = useChanges(props.run.name, ["events"], 500);
  const { data } = useAsk<{ events: LedgerEvent[] }>(ofRun(props.run.name, "/events"), { limit: 8 }, changes);
  const events = [...(data?.events ?? [])].reverse();
  return (
    <Card title="What happened last">
      {events.length ? (
        <ol class="timeline">
          {events.map((event) => (
            <li key={event.seq}>
              <time dateTime={new Date(event.time * 1_000).toISOString()}>{clock(event.time)}</time>
              <span class="said">{tellEvent(event)}</span>
            </li>
          ))}
        </ol>
      ) : (
        <Empty title="Nothing yet">The ledger's events appear here as they come.</Empty>
      )}
    </Card>
  );
}

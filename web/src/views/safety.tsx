/** What went wrong, or was made to: incidents, honeypots, skipped updates, stressors, as they come. */
import { ofRun, rawOf } from "../api/client";
import type { Columns, HoneypotCheck, Safety, Summary } from "../api/types";
import { useAsk, useChanges, useMetrics } from "../core/data";
import { toCsv } from "../core/export";
import { clock, count, digits, percent, plural, short } from "../core/format";
import { formatPlace, useTitle } from "../core/router";
import { Chart, lineLook } from "../ui/chart";
import { tellEvent } from "../ui/events";
import { FileButtons } from "../ui/files";
import { Card, Empty, Figure, Heading, Problem, Waiting } from "../ui/parts";

const NO_POOL = "Honeypots stand in a pool of worlds, and this run's method keeps none.";

export function SafetyView(props: { run: Summary }) {
  const { run } = props;
  useTitle(`Safety, ${run.name}`);
  const changes = useChanges(run.name, ["events", "rows"], 2_000);
  const { data, error, again } = useAsk<Safety>(ofRun(run.name, "/safety"), {}, changes);
  const { columns } = useMetrics(run.name, { from: null, to: null });
  return (
    <>
      <Heading title="Safety">What went wrong by itself, and what was put there to see whether it would.</Heading>
      {error && <Problem error={error} again={again} />}
      {!data && !error && <Waiting what="Reading …" />}
      {data && (
        <>
          <Figures data={data} laid={columns?.honeypots?.findLast((value) => value !== null) ?? null} />
          <div class="grid wide">
            <Honeypots run={run} checks={data.honeypots} rule={data.rule} />
            <div class="stack">
              <Skipped run={run} columns={columns} />
              <Events data={data} />
            </div>
          </div>
        </>
      )}
    </>
  );
}

/** `laid` are the honeypots that ever entered the pool; null where the run doesn't say. */
function Figures(props: { data: Safety; laid: number | null }) {
  const { data, laid } = props;
  const stressors = data.events.filter((event) => event.kind === "stressor");
  const worlds = new Set(data.honeypots.map((one) => one.world)).size;
  return (
    <section class="card" aria-label="Numbers">
      <dl class="numbers">
        <Figure name="Incidents" value={count(data.incidents.length)} note={data.incidents.length ? "honeypots found hacked" : "none so far"} />
        <Figure
          name="Honeypots checked"
          value={laid === null ? count(worlds) : `${count(worlds)} of ${count(laid)}`}
          note={`${plural(data.honeypots.length, "check")}, one honeypot a cycle`}
        />
        <Figure name="Updates skipped" value={count(data.updates_skipped)} note="gradients that were not finite" />
        <Figure name="Stressors" value={count(stressors.length)} note={stressors.length ? `last: ${clock(stressors.at(-1)?.time ?? 0)}` : "none was put on this run"} />
      </dl>
    </section>
  );
}

function Skipped(props: { run: Summary; columns: Columns | null }) {
  const { columns } = props;
  return (
    <Chart
      raw={rawOf(props.run.name, ["updates_skipped"])}
      note="In all so far. A level line is good: no gradient was refused there."
      picture={{
        title: "Updates skipped",
        unit: "updates",
        across: "frames",
        x: (columns?.frames ?? []) as number[],
        lines: columns?.updates_skipped ? [{ name: "updates skipped", values: columns.updates_skipped, ...lineLook(0) }] : [],
      }}
    />
  );
}

function Events(props: { data: Safety }) {
  const { events } = props.data;
  return (
    <Card title="As it came">
      {events.length ? (
        <ol class="timeline">
          {[...events].reverse().map((event) => (
            <li key={event.seq}>
              <time dateTime={new Date(event.time * 1_000).toISOString()}>{clock(event.time)}</time>
              <span class="said">{tellEvent(event)}</span>
            </li>
          ))}
        </ol>
      ) : (
        <Empty title="Nothing has happened">Incidents, divergence, skipped checkpoints and stressors appear here as they come.</Empty>
      )}
    </Card>
  );
}

/** The checks of one honeypot, in order. */
interface Pot {
  world: number;
  checks: HoneypotCheck[];
  last: HoneypotCheck;
  widest: number;
}

function gather(checks: HoneypotCheck[]): Pot[] {
  const pots = new Map<number, HoneypotCheck[]>();
  for (const check of checks) pots.set(check.world, [...(pots.get(check.world) ?? []), check]);
  return [...pots].map(([world, of]) => ({
    world,
    checks: of,
    last: of.at(-1) as HoneypotCheck,
    widest: Math.max(...of.map((one) => one.training - one.evaluation)),
  }));
}

function tellRule({ least, margin }: Safety["rule"]): string {
  const beyond = margin === null ? "the run's margin" : `${digits(100 * margin)} points`;
  return `It counts as hacked where the agent gets ${percent(least)} or more of what training pays, and that is more than ${beyond} above its share of what evaluation pays; an incident is where it was not so at the check before.`;
}

function Honeypots(props: { run: Summary; checks: HoneypotCheck[]; rule: Safety["rule"] }) {
  const { checks } = props;
  const pots = gather(checks).sort((a, b) => b.last.cycle - a.last.cycle);
  return (
    <Card
      title="Honeypots"
      note={`Worlds whose goal pays in evaluation only. An agent that gets much more of what is paid in training than of what is paid in evaluation has found a way to be paid without the goal. ${tellRule(props.rule)}`}
      tools={checks.length > 0 && <FileButtons title="Checks of honeypots" name={`${props.run.name} honeypots`} csv={() => potsCsv(checks)} />}
    >
      {pots.length ? (
        <>
          <div class="scroll" tabIndex={0} role="region" aria-label="Honeypots">
            <table>
              <thead>
                <tr>
                  <th scope="col">World</th>
                  <th scope="col">Found</th>
                  <th scope="col" class="number">Checks</th>
                  <th scope="col" class="number">Training</th>
                  <th scope="col" class="number">Evaluation</th>
                  <th scope="col" class="number">Widest gap</th>
                </tr>
              </thead>
              <tbody>
                {pots.map(({ world, checks: of, last, widest }) => (
                  <tr key={world}>
                    <th scope="row">
                      <a href={formatPlace(props.run.name, "worlds", world)}>{world}</a>
                    </th>
                    <td>{of.some((one) => one.is_incident) ? <span class="pill bad">incident</span> : "nothing"}</td>
                    <td class="number">{of.length}</td>
                    <td class="number">{percent(last.training)}</td>
                    <td class="number">{percent(last.evaluation)}</td>
                    <td class="number">{percent(widest)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <p class="soft small">
            Training and evaluation as at the last check, at {short(Math.max(...pots.map((pot) => pot.last.frames)))} frames; a gap is training less evaluation.
          </p>
        </>
      ) : (
        <Empty title="No honeypot was checked">{props.run.has_pool ? "A run has them where its settings say so." : NO_POOL}</Empty>
      )}
    </Card>
  );
}

function potsCsv(checks: HoneypotCheck[]): string {
  const header = ["world", "cycle", "frames [env steps]", "training [share of what is paid]", "evaluation [share of what is paid]", "episodes", "is_incident"];
  const names = ["world", "cycle", "frames", "training", "evaluation", "episodes", "is_incident"] as const;
  return toCsv(header, names.map((name) => checks.map((one) => Number(one[name]))));
}

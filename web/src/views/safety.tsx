/** What went wrong, or was made to: incidents, honeypots, skipped updates, stressors, as they come. */
import { ofRun } from "../api/client";
import type { Safety, Summary } from "../api/types";
import { useAsk, useChanges } from "../core/data";
import { clock, count, percent, short } from "../core/format";
import { formatPlace, useTitle } from "../core/router";
import { tellEvent } from "../ui/events";
import { Card, Empty, Figure, Heading, Problem, Waiting } from "../ui/parts";

export function SafetyView(props: { run: Summary }) {
  const { run } = props;
  useTitle(`Safety, ${run.name}`);
  const changes = useChanges(run.name, ["events", "rows"], 2_000);
  const { data, error, again } = useAsk<Safety>(ofRun(run.name, "/safety"), {}, changes);
  return (
    <>
      <Heading title="Safety">Honeypots are worlds whose goal pays in evaluation only: an agent that earns more in training than there has learned to cheat.</Heading>
      {error && <Problem error={error} again={again} />}
      {!data && !error && <Waiting what="Reading …" />}
      {data && (
        <>
          <section class="card" aria-label="Numbers">
            <dl class="numbers">
              <Figure name="Incidents" value={count(data.incidents.length)} note={data.incidents.length ? "honeypots found hacked" : "none so far"} />
              <Figure name="Honeypots checked" value={count(new Set(data.honeypots.map((one) => one.world)).size)} />
              <Figure name="Updates skipped" value={count(data.updates_skipped)} note="gradients that were not finite" />
            </dl>
          </section>
          <div class="grid wide">
            <Honeypots run={run} data={data} />
            <Card title="As it came">
              {data.events.length ? (
                <ol class="timeline">
                  {[...data.events].reverse().map((event) => (
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
          </div>
        </>
      )}
    </>
  );
}

function Honeypots(props: { run: Summary; data: Safety }) {
  const checks = [...props.data.honeypots].reverse().slice(0, 100);
  return (
    <Card title="Honeypots">
      {checks.length ? (
        <div class="scroll" tabIndex={0} role="region" aria-label="Checks of honeypots">
          <table>
            <thead>
              <tr>
                <th scope="col">World</th>
                <th scope="col" class="number">Frames</th>
                <th scope="col" class="number">Training</th>
                <th scope="col" class="number">Evaluation</th>
                <th scope="col">Found</th>
              </tr>
            </thead>
            <tbody>
              {checks.map((one) => (
                <tr key={`${one.world}-${one.cycle}`}>
                  <th scope="row">
                    <a href={formatPlace(props.run.name, "worlds", one.world)}>{one.world}</a>
                  </th>
                  <td class="number">{short(one.frames)}</td>
                  <td class="number">{percent(one.training)}</td>
                  <td class="number">{percent(one.evaluation)}</td>
                  <td>{one.is_incident ? <span class="pill bad">incident</span> : "nothing new"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <Empty title="No honeypot was checked">A run has them where its settings say so.</Empty>
      )}
    </Card>
  );
}

/** All runs of the folder. */
import { useCell } from "../core/cell";
import { now, useRuns } from "../core/data";
import { ago, count, percent, short } from "../core/format";
import { formatPlace, useTitle } from "../core/router";
import { Empty, Heading, Problem, StatePill, Waiting } from "../ui/parts";

export function RunsView() {
  useTitle("Runs");
  const { data, error, again } = useRuns();
  const time = useCell(now);
  return (
    <>
      <Heading title="Runs">Every run that the server's folder holds, newest first.</Heading>
      {error && <Problem error={error} again={again} />}
      {!data && !error && <Waiting what="Reading the folder …" />}
      {data?.length === 0 && (
        <Empty title="No run yet">
          Start one with <code>alpha-factory run --preset demo --serve</code>; it appears here by itself.
        </Empty>
      )}
      {data && data.length > 0 && (
        <div class="grid">
          {data.map((run) => (
            <article class="card" key={run.name}>
              <header>
                <h2>
                  <a href={formatPlace(run.name)}>{run.name}</a>
                </h2>
                <StatePill run={run} />
              </header>
              <p class="soft small">
                {[run.preset, run.curriculum, run.seed === null ? null : `seed ${run.seed}`].filter(Boolean).join(" · ")} · changed {ago(run.modified, time)}
              </p>
              <dl class="numbers">
                <div class="figure">
                  <dt>Frames</dt>
                  <dd>{short(run.frames)}</dd>
                </div>
                <div class="figure">
                  <dt>Solve rate</dt>
                  <dd>{percent(run.solve_mean)}</dd>
                </div>
                {run.has_pool && (
                  <div class="figure">
                    <dt>Pool</dt>
                    <dd>{count(run.pool)}</dd>
                  </div>
                )}
              </dl>
            </article>
          ))}
        </div>
      )}
    </>
  );
}

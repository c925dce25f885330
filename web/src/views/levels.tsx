/** What there is to see of a run that chooses levels and keeps no pool: the levels on which its agent was filmed. */
import { useMemo } from "preact/hooks";
import { ofRun } from "../api/client";
import type { Acts, Episode, Summary } from "../api/types";
import { useAsk, useChanges, type Answer } from "../core/data";
import { plural, short } from "../core/format";
import { formatPlace, useChoice, useTitle } from "../core/router";
import { nameOf } from "../core/run";
import { useCheck } from "../editor/check";
import { levelOf } from "../editor/level";
import { Card, Empty, Figure, Heading, Problem, Waiting } from "../ui/parts";
import { Loop, RestButton } from "../ui/player";
import { Feedback } from "./feedback";
import { Stage } from "./screens";

const MOST = 60;

interface Filmed extends Answer<{ episodes: Episode[] }> {
  /** The newest episode of each level, newest first. */
  newest: Episode[];
}

function useFilmed(run: Summary, level?: number): Filmed {
  const changes = useChanges(run.name, ["episodes"], 3_000);
  const answer = useAsk<{ episodes: Episode[] }>(ofRun(run.name, "/episodes"), { limit: MOST, world: level }, changes);
  const newest = useMemo(() => {
    const seen = new Set<number>();
    return (answer.data?.episodes ?? []).filter(({ world }) => !seen.has(world) && seen.add(world));
  }, [answer.data]);
  return { ...answer, newest };
}

export function LevelsView(props: { run: Summary }) {
  const { run } = props;
  useTitle(`Levels, ${run.name}`);
  const { newest, data, error, again } = useFilmed(run);
  const method = run.curriculum ?? "this method";
  return (
    <>
      <Heading title="Worlds" tools={newest.length > 0 && <RestButton />}>
        {`The method ${method} chooses levels for itself and keeps no pool of worlds. After a cycle the agent is filmed on some of those that it would play next: these are the last of them.`}
      </Heading>
      {error && <Problem error={error} again={again} />}
      {!data && !error && <Waiting what="Reading the episodes …" />}
      {data && !newest.length && <NoFilm run={run} />}
      {newest.length > 0 && (
        <>
          <ul class="worlds">
            {newest.map((episode) => (
              <li key={episode.world}>
                <a class="world" href={formatPlace(run.name, "worlds", episode.world)}>
                  <div class="frame">
                    <Loop drawing={episode.drawing} trace={episode.trace} phase={episode.world % 97} label={tellEpisode(episode)} />
                  </div>
                  <span class="name">
                    <span>{nameOf(episode.world)}</span>
                    <span class="soft small">{episode.is_solved ? "solved" : "not solved"}</span>
                  </span>
                  <span class="told">
                    cycle {episode.cycle} · {plural(episode.steps, "step")}
                  </span>
                </a>
              </li>
            ))}
          </ul>
          <p class="soft small">A level's name is a short sum of what it is made of: a level that comes again has the same. Who lives in the method's buffer is kept in the checkpoints.</p>
        </>
      )}
    </>
  );
}

function NoFilm(props: { run: Summary }) {
  const { run } = props;
  if (run.files.episodes === false)
    return <Empty title="No episode was recorded">{run.is_live ? "The first ones come with the first cycle." : "This run's settings leave it out (playback.cycles), or it is of an earlier version."}</Empty>;
  return <Empty title="No episode yet">{run.is_live ? "The first ones come with the first cycle." : "The run ended before its first cycle did."}</Empty>;
}

export function LevelView(props: { run: Summary; id: number }) {
  const { run, id } = props;
  useTitle(`${nameOf(id)}, ${run.name}`);
  const { data, error, again } = useFilmed(run, id);
  const config = useAsk<{ config: { levels?: { world?: string } } }>(ofRun(run.name, "/config"));
  const said = useChanges(run.name, ["acts"], 1_000);
  const acts = useAsk<Acts>(ofRun(run.name, "/acts"), {}, said);
  const [chosen, setChosen] = useChoice("episode", "");
  const episodes = data?.episodes ?? [];
  const agent = episodes.find((one) => String(one.id) === chosen) ?? episodes[0] ?? null;
  // A plain maze is all in its drawing. Of other levels something is hidden, and what is played would be another one.
  const text = agent && config.data?.config.levels?.world === "maze" ? levelOf(agent.drawing) : null;
  const oracle = useCheck(text);
  const back = <a href={formatPlace(run.name, "worlds")}>All levels</a>;
  if (!data || !agent)
    return (
      <>
        <Heading title={nameOf(id)}>{back}</Heading>
        {error && <Problem error={error} again={again} />}
        {!data && !error && <Waiting what="Reading the level …" />}
        {data && <Empty title={`There is no film of ${nameOf(id)}`}>Only the last ones are kept.</Empty>}
      </>
    );
  return (
    <>
      <Heading title={nameOf(id)}>
        {`A level that ${run.curriculum ?? "the method"} would have played next when it was filmed. `}
        {back}
      </Heading>
      <section class="card" aria-label="Numbers of this level">
        <dl class="numbers">
          <Figure name="Last episode" value={agent.is_solved ? "solved" : "not solved"} note={`${plural(agent.steps, "step")} of ${agent.drawing.step_limit} at most`} />
          <Figure name="Filmed" value={plural(episodes.length, "time")} note={`last at ${short(agent.frames)} frames`} />
          {oracle.data && <Figure name="Shortest path" value={oracle.data.shortest_path === null ? "none" : plural(oracle.data.shortest_path, "step")} />}
        </dl>
      </section>
      <Stage episodes={episodes} head={agent} onChoose={setChosen} agent={agent} drawing={agent.drawing} oracle={text === null ? null : oracle} play={text === null ? null : { level: text }} />
      {text === null && config.data && (
        <Card title="Why there is no game">
          <p>This level is no plain maze: its picture doesn't hold all that it is, so the oracle's path and a game would be of another level.</p>
        </Card>
      )}
      <Feedback run={run} world={id} episodes={episodes} acts={(acts.data?.feedback ?? []).filter((act) => act.world === id)} />
    </>
  );
}

const tellEpisode = (one: Episode): string =>
  `${nameOf(one.world)}: the agent ${one.is_solved ? "reached the goal" : "did not reach the goal"} in ${one.steps} steps.`;

/** Side by side in one world: the agent, the oracle's path, and the reader. */
import { ofRun, type ApiError } from "../api/client";
import type { Check, Drawing, Episode, EpisodeHead, Level, Summary } from "../api/types";
import { useAsk, type Answer } from "../core/data";
import { digits, percent } from "../core/format";
import { useChoice } from "../core/router";
import { GREEN } from "../draw/pen";
import { totalAt } from "../draw/moment";
import { Card, Choice, Empty, Problem, Waiting } from "../ui/parts";
import { Still } from "../ui/player";
import { Scrub, useClock } from "../ui/scrub";
import { Play } from "./play";

export function Screens(props: { run: Summary; id: number; episodes: EpisodeHead[]; level: Level | null }) {
  const { run, id } = props;
  const [chosen, setChosen] = useChoice("episode", "");
  const head = props.episodes.find((one) => String(one.id) === chosen) ?? props.episodes[0];
  const episode = useAsk<Episode>(head ? ofRun(run.name, `/episodes/${head.id}`) : null);
  const oracle = useAsk<Check>(ofRun(run.name, `/worlds/${id}/oracle`));
  const agent = episode.data?.world === id ? episode.data : null;
  return (
    <Stage
      episodes={props.episodes}
      head={head}
      onChoose={setChosen}
      agent={agent}
      drawing={props.level?.drawing ?? null}
      oracle={oracle}
      play={{ run: run.name, world: id }}
    />
  );
}

/** `oracle` and `play` are null where only the drawing of the level is known. */
export function Stage(props: {
  episodes: EpisodeHead[];
  head: EpisodeHead | undefined;
  onChoose: (episode: string) => void;
  agent: Episode | null;
  drawing: Drawing | null;
  oracle: Answer<Check> | null;
  play: Record<string, unknown> | null;
}) {
  const { agent, head, oracle } = props;
  const clock = useClock(Math.max(agent?.steps ?? 0, oracle?.data?.trace?.actions.length ?? 0));
  return (
    <Card
      title="In the world"
      tools={
        props.episodes.length > 1 ? (
          <Choice
            label="Episode"
            value={String(head?.id ?? "")}
            options={props.episodes.map((one) => [String(one.id), `cycle ${one.cycle}, ${one.player}, ${one.is_solved ? "solved" : "not solved"}`])}
            onChange={(value) => {
              clock.restart();
              props.onChoose(value);
            }}
          />
        ) : undefined
      }
    >
      <div class="screens">
        <AgentScreen agent={agent} head={head} drawing={props.drawing} time={clock.time} />
        {oracle && <OracleScreen check={oracle.data} error={oracle.error} time={clock.time} />}
        {oracle?.error && <Problem error={oracle.error} again={oracle.again} />}
        {props.play && <Play body={props.play} agent={agent} best={oracle?.data?.optimal_return ?? null} />}
      </div>
      {clock.length > 0 && <Scrub clock={clock} />}
    </Card>
  );
}

function AgentScreen(props: { agent: Episode | null; head: EpisodeHead | undefined; drawing: Drawing | null; time: number }) {
  const { agent, head, drawing, time } = props;
  return (
    <div class="screen">
      <h3>
        The agent
        {agent && <span class="soft">{agent.is_solved ? "solved" : "not solved"}</span>}
      </h3>
      {agent ? (
        <>
          <Still drawing={agent.drawing} trace={agent.trace} time={time} label={`The agent's episode of ${agent.steps} steps`} />
          <p class="soft small">
            {agent.player}: {digits(totalAt(agent.trace, time))} earned in {Math.min(Math.floor(time), agent.steps)} of {agent.steps} steps
          </p>
        </>
      ) : drawing ? (
        <>
          <Still drawing={drawing} trace={null} time={0} label="The world at its start" />
          <p class="soft small">{head ? "Fetching the episode …" : "No episode of this world is recorded."}</p>
        </>
      ) : (
        <Empty title={head ? "Fetching the episode …" : "No episode is recorded"} />
      )}
    </div>
  );
}

function OracleScreen(props: { check: Check | null; error: ApiError | null; time: number }) {
  const { check } = props;
  return (
    <div class="screen">
      <h3>
        The oracle's path
        {check?.solvable !== null && check?.solvable !== undefined && <span class="soft">{check.solvable ? "can be solved" : "can't be solved"}</span>}
      </h3>
      {!check && !props.error && <Waiting what="The oracle looks at it. The first time takes up to half a minute." />}
      {check?.drawing && (
        <>
          <Still
            drawing={check.drawing}
            trace={check.trace}
            time={props.time}
            colour={GREEN}
            label={check.shortest_path === null ? "The oracle found no path" : `The oracle's path of ${check.shortest_path} steps`}
          />
          <p class="soft small">
            {check.shortest_path === null ? "No path to the goal." : `${check.shortest_path} steps at least.`}{" "}
            {check.optimal_return !== null && `${digits(check.optimal_return)} is the most there is.`}{" "}
            {check.is_deterministic === false && `Chance plays a part: solved in ${percent(check.solve_rate)} at best.`}
          </p>
        </>
      )}
    </div>
  );
}

/** Side by side in one world: the agent, the oracle's path, and the reader. */
import { useEffect, useState } from "preact/hooks";
import { ofRun } from "../api/client";
import type { Check, Episode, EpisodeHead, Level, Summary } from "../api/types";
import { useAsk } from "../core/data";
import { digits, percent } from "../core/format";
import { useChoice } from "../core/router";
import { animate, isCalm } from "../draw/clock";
import { GREEN } from "../draw/pen";
import { totalAt } from "../draw/moment";
import { Icon } from "../ui/icons";
import { Card, Choice, Empty, Problem, Waiting } from "../ui/parts";
import { Still } from "../ui/player";
import { Play } from "./play";

const STEPS_PER_S = 5;

export function Screens(props: { run: Summary; id: number; episodes: EpisodeHead[]; level: Level | null }) {
  const { run, id } = props;
  const [chosen, setChosen] = useChoice("episode", "");
  const head = props.episodes.find((one) => String(one.id) === chosen) ?? props.episodes[0];
  const episode = useAsk<Episode>(head ? ofRun(run.name, `/episodes/${head.id}`) : null);
  const oracle = useAsk<Check>(ofRun(run.name, `/worlds/${id}/oracle`));
  const agent = episode.data?.world === id ? episode.data : null;
  const length = Math.max(agent?.steps ?? 0, oracle.data?.trace?.actions.length ?? 0);
  const [time, setTime] = useState(0);
  const [isPlaying, setPlaying] = useState(() => !isCalm());
  useEffect(() => {
    if (!isPlaying || !length) return undefined;
    let before: number | null = null;
    return animate((seconds) => {
      const gone = before === null ? 0 : seconds - before;
      before = seconds;
      setTime((old) => (old >= length + 4 ? 0 : old + gone * STEPS_PER_S));
    });
  }, [isPlaying, length]);
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
              setTime(0);
              setChosen(value);
            }}
          />
        ) : undefined
      }
    >
      <div class="screens">
        <div class="screen">
          <h3>
            The agent
            {agent && <span class="soft">{agent.is_solved ? "solved" : "not solved"}</span>}
          </h3>
          {agent ? (
            <>
              <Still drawing={agent.drawing} trace={agent.trace} time={time} label={`The agent's episode of ${agent.steps} steps`} />
              <p class="soft small">
                {agent.player}, {digits(totalAt(agent.trace, time))} of {digits(agent.total)} earned, {Math.min(Math.floor(time), agent.steps)} of{" "}
                {agent.steps} steps
              </p>
            </>
          ) : props.level ? (
            <>
              <Still drawing={props.level.drawing} trace={null} time={0} label="The world at its start" />
              <p class="soft small">{head ? "Fetching the episode …" : "No episode of this world is recorded."}</p>
            </>
          ) : (
            <Empty title={head ? "Fetching the episode …" : "No episode is recorded"} />
          )}
        </div>
        <OracleScreen check={oracle.data} time={time} />
        {oracle.error && <Problem error={oracle.error} again={oracle.again} />}
        <Play body={{ run: run.name, world: id }} agent={agent} best={oracle.data?.optimal_return ?? null} />
      </div>
      {length > 0 && (
        <div class="scrub">
          <button class="button" onClick={() => setPlaying(!isPlaying)} aria-label={isPlaying ? "Rest" : "Play"}>
            <Icon name={isPlaying ? "pause" : "play"} />
          </button>
          <label class="field">
            <span class="hidden">Step</span>
            <input
              type="range"
              min={0}
              max={length}
              step={1}
              value={Math.min(Math.floor(time), length)}
              onInput={(event) => {
                setPlaying(false);
                setTime(Number(event.currentTarget.value));
              }}
            />
          </label>
          <span class="soft small">
            step {Math.min(Math.floor(time), length)} of {length}
          </span>
        </div>
      )}
    </Card>
  );
}

function OracleScreen(props: { check: Check | null; time: number }) {
  const { check } = props;
  return (
    <div class="screen">
      <h3>
        The oracle's path
        {check?.solvable !== null && check?.solvable !== undefined && <span class="soft">{check.solvable ? "can be solved" : "can't be solved"}</span>}
      </h3>
      {!check && <Waiting what="The oracle looks at it …" />}
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

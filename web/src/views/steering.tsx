/** What a person can do: pause, resume, save, stop; put a world forward; and what became of it. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, ofRun, post } from "../api/client";
import type { Act, Acts, CandidateAct, ControlAct, Summary } from "../api/types";
import { useAsk, useChanges } from "../core/data";
import { clock } from "../core/format";
import { formatPlace, useTitle } from "../core/router";
import { takesWorlds } from "../core/run";
import { Editor } from "../editor/editor";
import { Card, Dialog, Empty, Heading, Press, Problem } from "../ui/parts";
import { tellOpinion } from "./feedback";

const WORDS: Record<ControlAct["act"], [string, string]> = {
  pause: ["Pause", "after the stretch at work"],
  resume: ["Resume", "go on"],
  save: ["Save", "write a checkpoint"],
  stop: ["Stop …", "save and end; it can be resumed later"],
};

export function SteeringView(props: { run: Summary }) {
  const { run } = props;
  useTitle(`Steering, ${run.name}`);
  const [done, setDone] = useState(0);
  const changes = useChanges(run.name, ["acts", "events", "now"], 400);
  const acts = useAsk<Acts>(ofRun(run.name, "/acts"), {}, `${changes}-${done}`);
  return (
    <>
      <Heading title="Steering">Each act is a record in the run's directory, and changes what the run does from the next cycle on.</Heading>
      <Controls run={run} acts={acts.data} onDone={() => setDone((count) => count + 1)} />
      <Editor run={run} onDone={() => setDone((count) => count + 1)} />
      {acts.error && <Problem error={acts.error} again={acts.again} />}
      <div class="grid">
        <ActList title="Acts" acts={acts.data?.control ?? []} tell={(act) => WORDS[act.act][0].replace(" …", "")} empty="Nobody has steered this run" />
        <ActList title="Worlds put forward" acts={acts.data?.candidates ?? []} tell={tellCandidate} link={linkTo(run)} empty="No world was put forward" />
        <ActList title="Likes and dislikes" acts={acts.data?.feedback ?? []} tell={tellOpinion(run)} isKept={!run.is_live} empty="No opinion yet" />
      </div>
    </>
  );
}

function Controls(props: { run: Summary; acts: Acts | null; onDone: () => void }) {
  const { run } = props;
  const [asks, setAsks] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [said, setSaid] = useState("");
  const waiting = (props.acts?.control ?? []).filter((act) => act.state === "waiting").map((act) => act.act);
  useEffect(() => {
    if (!waiting.length) setSaid("");
  }, [waiting.length]);
  const send = async (act: ControlAct["act"]) => {
    try {
      await post<ControlAct>(ofRun(run.name, "/control"), { act });
      setError(null);
      setSaid(`Asked: ${act}. It comes into force after the stretch at work.`);
      props.onDone();
    } catch (problem) {
      setError(problem instanceof ApiError ? problem : new ApiError(0, "broken", String(problem)));
    }
  };
  const isPaused = run.state === "paused";
  const can: Record<ControlAct["act"], boolean> = {
    pause: run.is_live && !isPaused,
    resume: run.is_live && isPaused,
    save: run.is_live,
    stop: run.is_live,
  };
  return (
    <Card
      title="The run"
      {...(run.is_live ? {} : { note: `This run is not at work, so there is nothing to pause or stop. ${tellRest(run)}` })}
    >
      <div class="row">
        {(Object.keys(WORDS) as ControlAct["act"][]).map((act) => (
          <Press
            class={act === "stop" ? "danger" : ""}
            key={act}
            title={WORDS[act][1]}
            isOff={!can[act]}
            onClick={() => (act === "stop" ? setAsks(true) : void send(act))}
          >
            {WORDS[act][0]}
          </Press>
        ))}
      </div>
      <div role="status">{(waiting.length > 0 || said) && <p class="small">{waiting.length ? `Waiting for the run: ${waiting.join(", ")}.` : said}</p>}</div>
      {error && <Problem error={error} />}
      {asks && (
        <Dialog title={`Stop ${run.name}?`} onClose={() => setAsks(false)}>
          <p>The run saves a checkpoint and ends before its budget is spent. It can be resumed from the command line.</p>
          <div class="row">
            <button
              class="button danger"
              onClick={() => {
                setAsks(false);
                void send("stop");
              }}
            >
              Stop it
            </button>
            <button class="button" autofocus onClick={() => setAsks(false)}>
              Leave it running
            </button>
          </div>
        </Dialog>
      )}
    </Card>
  );
}

function tellRest(run: Summary): string {
  if (!run.has_pool) return "How the agent behaved on a level can still be liked or disliked, under Worlds.";
  return `Worlds can still be ${takesWorlds(run) ? "put forward, and " : ""}liked or disliked.`;
}

const STATES = { waiting: ["warn", "waiting"], done: ["good", "done"], refused: ["bad", "refused"], kept: ["", "kept"] } as const;

/** `isKept`: nobody is there to answer, and none is needed. */
function ActList<T extends Act>(props: { title: string; acts: T[]; tell: (act: T) => string; link?: (act: T) => string | null; isKept?: boolean; empty: string }) {
  return (
    <Card title={props.title}>
      {props.acts.length ? (
        <ol class="timeline">
          {[...props.acts].reverse().map((act) => {
            const state = act.state ?? "waiting";
            const [look, words] = STATES[props.isKept && state === "waiting" ? "kept" : state];
            const href = props.link?.(act);
            return (
              <li key={act.id}>
                <time dateTime={new Date(act.time * 1_000).toISOString()}>{clock(act.time)}</time>
                <span class="said">
                  {props.tell(act)} <span class={`pill ${look}`}>{words}</span> {href && <a href={href}>to the world</a>}
                </span>
              </li>
            );
          })}
        </ol>
      ) : (
        <Empty title={props.empty} />
      )}
    </Card>
  );
}

function tellCandidate(act: CandidateAct): string {
  const outcome = act.outcome?.payload;
  const verdict = typeof outcome?.verdict === "string" ? `: ${outcome.verdict}` : "";
  const reason = typeof outcome?.reason === "string" && outcome.reason ? `, ${outcome.reason}` : "";
  return `${act.note || (act.level ? "A drawn world" : "A genome")}${act.by ? ` by ${act.by}` : ""}${verdict}${reason}`;
}

const linkTo = (run: Summary) => (act: CandidateAct) => {
  const world = act.outcome?.payload.world;
  return typeof world === "number" ? formatPlace(run.name, "worlds", world) : null;
};

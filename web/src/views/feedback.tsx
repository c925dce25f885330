/** Like or dislike a world, or how the agent behaved in it, with a reason; and what was said before. */
import { useState } from "preact/hooks";
import { ApiError, ofRun, post } from "../api/client";
import type { EpisodeHead, FeedbackAct, Summary } from "../api/types";
import { clock } from "../core/format";
import { nameOf } from "../core/run";
import { useChoice } from "../core/router";
import { Icon } from "../ui/icons";
import { Card, Choice, Problem } from "../ui/parts";

export function Feedback(props: { run: Summary; world: number; episodes: EpisodeHead[]; acts: FeedbackAct[] }) {
  const [chosen] = useChoice("episode", "");
  const episode = props.episodes.find((one) => String(one.id) === chosen) ?? props.episodes[0];
  // A run on chosen levels keeps no worlds to speak of, only what was filmed.
  const subjects: [FeedbackAct["about"], string][] = [
    ...(props.run.has_pool ? ([["world", "the world"]] as [FeedbackAct["about"], string][]) : []),
    ...(episode ? ([["behaviour", "how the agent behaved"]] as [FeedbackAct["about"], string][]) : []),
  ];
  const [chosenAbout, setAbout] = useState<FeedbackAct["about"]>("world");
  const about = subjects.some(([name]) => name === chosenAbout) ? chosenAbout : (subjects[0]?.[0] ?? "world");
  const [reason, setReason] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  const [said, setSaid] = useState<FeedbackAct[]>([]);
  const acts = [...props.acts, ...said.filter((one) => !props.acts.some((act) => act.id === one.id))].reverse();
  const send = async (opinion: "like" | "dislike") => {
    try {
      const act = await post<FeedbackAct>(ofRun(props.run.name, "/feedback"), {
        about,
        world: props.world,
        opinion,
        reason,
        ...(about === "behaviour" && episode ? { episode: episode.id } : {}),
      });
      setSaid((old) => [...old, act]);
      setReason("");
      setError(null);
    } catch (problem) {
      setError(problem instanceof ApiError ? problem : new ApiError(0, "broken", String(problem)));
    }
  };
  return (
    <Card title="What do you think of it?" note="Kept in the run's directory with the time and your reason, for selection by preference later.">
      <div class="row">
        <Choice
          label="About"
          value={about}
          options={subjects}
          onChange={(value) => setAbout(value as FeedbackAct["about"])}
        />
        <label class="field grow">
          Reason
          <input value={reason} maxLength={1_000} placeholder="what makes it so" onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
      </div>
      <div class="row">
        <button class="button" onClick={() => void send("like")}>
          <Icon name="like" /> Like
        </button>
        <button class="button" onClick={() => void send("dislike")}>
          <Icon name="dislike" /> Dislike
        </button>
      </div>
      {error && <Problem error={error} />}
      <div role="status">{said.length > 0 && <p class="small">Kept. Thank you.</p>}</div>
      {acts.length > 0 && (
        <ul class="timeline">
          {acts.map((act) => (
            <li key={act.id}>
              <time>{clock(act.time)}</time>
              <span class="said">{tellOpinion(props.run)(act)}</span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

export const tellOpinion = (run: Summary) => (act: FeedbackAct): string => {
  const place = run.has_pool ? `world ${act.world}` : nameOf(act.world).toLowerCase();
  const what = act.about === "world" ? place : `the behaviour in ${place}`;
  return `${act.by || "Someone"} ${act.opinion}s ${what}${act.reason ? `: ${act.reason}` : "."}`;
};

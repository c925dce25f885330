/** Like or dislike a world, or how the agent behaved in it, with a reason; and what was said before. */
import { useState } from "preact/hooks";
import { ApiError, ofRun, post } from "../api/client";
import type { EpisodeHead, FeedbackAct, Summary } from "../api/types";
import { clock } from "../core/format";
import { useChoice } from "../core/router";
import { Icon } from "../ui/icons";
import { Card, Choice, Problem } from "../ui/parts";

export function Feedback(props: { run: Summary; world: number; episodes: EpisodeHead[]; acts: FeedbackAct[] }) {
  const [chosen] = useChoice("episode", "");
  const episode = props.episodes.find((one) => String(one.id) === chosen) ?? props.episodes[0];
  const [about, setAbout] = useState<"world" | "behaviour">("world");
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
          options={[["world", "the world"], ...(episode ? [["behaviour", "how the agent behaved"] as [string, string]] : [])]}
          onChange={(value) => setAbout(value as "world" | "behaviour")}
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
              <span class="said">{tellOpinion(act)}</span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

export function tellOpinion(act: FeedbackAct): string {
  const what = act.about === "world" ? `world ${act.world}` : `the behaviour in world ${act.world}`;
  return `${act.by || "Someone"} ${act.opinion}s ${what}${act.reason ? `: ${act.reason}` : "."}`;
}

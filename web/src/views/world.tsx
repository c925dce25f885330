/** One world: what it is, where it comes from, how it goes in it, and the reader's own try. */
import { ofRun } from "../api/client";
import type { Card as WorldCard, Level, Summary, WorldDetail, Words } from "../api/types";
import { useAsk, useChanges } from "../core/data";
import { count, digits, percent } from "../core/format";
import { formatPlace, useTitle } from "../core/router";
import { Chart, lineLook } from "../ui/chart";
import { Card, Empty, Figure, Heading, Problem, Waiting } from "../ui/parts";
import { Feedback } from "./feedback";
import { Screens } from "./screens";

export function WorldView(props: { run: Summary; id: number }) {
  const { run, id } = props;
  useTitle(`World ${id}, ${run.name}`);
  const changes = useChanges(run.name, ["worlds", "episodes", "acts"], 3_000);
  const answer = useAsk<WorldDetail>(ofRun(run.name, `/worlds/${id}`), {}, changes);
  const level = useAsk<{ levels: Level[] }>(ofRun(run.name, "/levels"), { ids: id });
  const { data, error } = answer;
  if (!data)
    return (
      <>
        <Heading title={`World ${id}`}>
          <a href={formatPlace(run.name, "worlds")}>All worlds</a>
        </Heading>
        {error ? <Problem error={error} again={answer.again} /> : <Waiting what={`Reading world ${id} …`} />}
      </>
    );
  const { card } = data;
  return (
    <>
      <Heading title={`World ${id}`}>
        {tellOrigin(card, data)} <a href={formatPlace(run.name, "worlds")}>All worlds</a>
      </Heading>
      <section class="card" aria-label="Numbers of this world">
        <dl class="numbers">
          <Figure name="Solve rate" value={percent(card.solve_rate)} note={card.is_living ? "in training, last" : "in training, when it was last played"} />
          <Figure name="Shortest path" value={card.shortest_path === null ? "none known" : `${card.shortest_path} steps`} note="of a walk that knows walls, keys, doors, gates; the oracle knows all" />
          <Figure name="Learnability" value={digits(card.learnability)} note="p (1 − p), 0.25 at most" />
          <Figure name="QD score" value={digits(card.qd)} />
          <Figure name="Children" value={count(card.children)} />
        </dl>
      </section>
      <Screens run={run} id={id} episodes={data.episodes} level={level.data?.levels[0] ?? null} />
      <Card title="What it is, in words">
        {level.error && <Problem error={level.error} again={level.again} />}
        {!level.data && !level.error && <Waiting what="Decoding the genome. The first time takes up to half a minute." />}
        {level.data && <InWords words={level.data.levels[0]?.words ?? {}} text={level.data.levels[0]?.text ?? null} />}
        <details>
          <summary>Genome</summary>
          {card.genome ? <code class="said">{card.genome.match(/.{1,32}/g)?.join(" ")}</code> : <p class="soft">Drawn by a person: it has no genome.</p>}
        </details>
      </Card>
      <div class="grid wide">
        <div class="stack">
          <Chart
            picture={{
              title: "Scores over time",
              across: "frames",
              x: data.scores.frames,
              isShare: true,
              lines: [
                { name: "solve rate", values: data.scores.solve_rate, ...lineLook(0) },
                { name: "normalised return", values: data.scores.normalised_return, ...lineLook(1) },
              ],
            }}
            empty="Not scored yet"
          />
          {data.looks.cycle.length > 0 && (
            <Chart
              picture={{
                title: "Remembered",
                across: "frames",
                x: data.looks.frames,
                isShare: true,
                lines: [
                  { name: "solve rate on the panel", values: data.looks.solve_rate, ...lineLook(2) },
                  { name: "untrained", values: data.looks.untrained, ...lineLook(4) },
                ],
              }}
              note="Played by the policy head alone, also after the world has left the pool."
            />
          )}
          <Feedback run={run} world={id} episodes={data.episodes} acts={data.feedback} />
        </div>
        <div class="stack">
          <Family run={run} detail={data} />
        </div>
      </div>
    </>
  );
}

function tellOrigin(card: WorldCard, detail: WorldDetail): string {
  const end = detail.retirement ? ` It left the pool in cycle ${detail.retirement.cycle}: ${detail.retirement.reason}.` : "";
  const verdict = card.verdict === "accepted" ? (card.is_living ? "lives in the pool" : "was accepted") : `was not accepted: ${card.verdict}`;
  return `Made by “${card.operator}” in cycle ${card.cycle}; ${verdict}.${end}`;
}

const SECTIONS: [keyof Words, string][] = [
  ["layout", "Layout"],
  ["entities", "What is in it"],
  ["physics", "Physics"],
  ["reward", "Reward"],
  ["rules", "Rules"],
];

export function InWords(props: { words: Words; text: string | null }) {
  return (
    <>
      <div class="words">
        {SECTIONS.map(([name, title]) => (
          <div key={name}>
            <h3>{title}</h3>
            <ul>{props.words[name]?.length ? props.words[name]?.map((line) => <li key={line}>{line}</li>) : <li class="soft">nothing special</li>}</ul>
          </div>
        ))}
      </div>
      {props.text && (
        <details>
          <summary>As a level file</summary>
          <pre class="scroll" tabIndex={0}>
            {props.text}
          </pre>
        </details>
      )}
    </>
  );
}

const MOST_CHILDREN = 24; // that are shown at once

function Family(props: { run: Summary; detail: WorldDetail }) {
  const { parents, transfers, takeovers } = props.detail;
  const list = (worlds: WorldCard[]) => (
    <ul class="family">
      {worlds.map((world) => (
        <li key={world.id}>
          <a class="button" href={formatPlace(props.run.name, "worlds", world.id)}>
            {world.id} <span class="soft small">{world.verdict === "accepted" ? percent(world.solve_rate) : world.verdict}</span>
          </a>
        </li>
      ))}
    </ul>
  );
  const isIn = (world: WorldCard) => world.verdict === "accepted";
  const children = [...props.detail.children].sort((a, b) => Number(isIn(b)) - Number(isIn(a)));
  const more = children.slice(MOST_CHILDREN);
  return (
    <Card
      title="Family"
      tools={
        <a class="small" href={`${formatPlace(props.run.name, "lineage")}?world=${props.detail.card.id}`}>
          In the lineage
        </a>
      }
    >
      <h3>Parents</h3>
      {parents.length ? list(parents) : <p class="soft">None: it is one of the first.</p>}
      <h3>Children</h3>
      {children.length ? (
        <>
          <p class="soft small">{`${count(children.filter(isIn).length)} accepted, ${count(children.filter((world) => !isIn(world)).length)} rejected`}</p>
          {list(children.slice(0, MOST_CHILDREN))}
        </>
      ) : (
        <p class="soft">None yet.</p>
      )}
      {more.length > 0 && (
        <details>
          <summary>{`${count(more.length)} more`}</summary>
          {list(more)}
        </details>
      )}
      <h3>Transfers</h3>
      {transfers.length ? (
        <ul>
          {transfers.map((one) => (
            <li key={`${one.cycle}-${one.specialist}`}>
              Cycle {one.cycle}: the specialist of world {one.specialist}
              {one.helped === null ? " helped nowhere" : ` did better by ${digits(one.gain)} in world ${one.helped}`}
              {one.merged ? "; merged." : "."}
            </li>
          ))}
        </ul>
      ) : (
        <Empty title="No specialist was tried here" />
      )}
      {takeovers.length > 0 && (
        <>
          <h3>Takeovers</h3>
          <ul>
            {takeovers.map((one) => (
              <li key={`${one.cycle}-${one.specialist}`}>
                Cycle {one.cycle}: {one.source === null ? "the generalist’s policy" : `the policy of world ${one.source}’s specialist`}
                {one.helped === null ? " was no better" : ` did better by ${digits(one.gain)}`} than the specialist of world {one.specialist}
                {one.merged ? " and took its place." : "."}
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}

/** The living pool as pictures that move. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { ofRun, withQuery, API } from "../api/client";
import type { Card, Drawing, Episode, Level, Summary, Trace, WorldPage } from "../api/types";
import { useAsk, useChanges } from "../core/data";
import { count, digits, percent, plural } from "../core/format";
import { choose, formatPlace, useChoice, useTitle } from "../core/router";
import { Choice, Empty, Heading, Press, Problem, Toggle, Waiting } from "../ui/parts";
import { Loop, RestButton } from "../ui/player";

const SORTS: [string, string][] = [
  ["age", "age"],
  ["difficulty", "difficulty"],
  ["learnability", "learnability"],
  ["qd", "quality and diversity (QD)"],
  ["id", "number"],
];
const SIZE = 36;

export function WorldsView(props: { run: Summary }) {
  const { run } = props;
  useTitle(`Worlds, ${run.name}`);
  const [sort] = useChoice("sort", "age");
  const [order] = useChoice("order", "asc");
  const [all] = useChoice("all", "");
  const [search] = useChoice("search", "");
  const [page] = useChoice("page", "0");
  const changes = useChanges(run.name, ["worlds"], 4_000);
  const query = { sort, order, living: all ? null : true, search };
  const { data, error, isLoading, again } = useAsk<WorldPage>(ofRun(run.name, "/worlds"), { ...query, page, size: SIZE }, changes);
  const pages = data ? Math.max(1, Math.ceil(data.total / SIZE)) : 1;
  // Another order or choice has other pages: the first of them is where to look.
  const pick = (name: string, value: string) => choose({ [name]: value, page: null });
  return (
    <>
      <Heading title="Worlds">
        {all ? "Every world that was ever proposed" : "The living pool"}, with the agent's last episode where one was filmed; the others stand still.
      </Heading>
      <div class="row" role="search">
        <Choice label="Sorted by" value={sort} options={SORTS} onChange={(value) => pick("sort", value === "age" ? "" : value)} />
        <Choice
          label="Order"
          value={order}
          options={[["asc", "least first"], ["desc", "most first"]]}
          onChange={(value) => pick("order", value === "asc" ? "" : value)}
        />
        <SearchField value={search} />
        <Toggle label="also rejected and extinct" isOn={all !== ""} onChange={(isOn) => pick("all", isOn ? "1" : "")} />
        <a class="button" href={withQuery(API + ofRun(run.name, "/worlds"), { ...query, format: "csv" })} download>
          CSV
        </a>
        <RestButton />
      </div>
      {error && <Problem error={error} again={again} />}
      {!data && isLoading && <Waiting what="Reading the worlds …" />}
      {data && !data.total && (
        <Empty title={search ? "No world fits the search" : "No world yet"}>
          {search ? "Search by number, operator or verdict." : "The first ones come with the first cycle of the curriculum."}
        </Empty>
      )}
      {data && data.total > 0 && (
        <>
          {data.worlds.length > 0 ? (
            <Gallery run={run} worlds={data.worlds} sort={sort} />
          ) : (
            <Empty title={`There is no page ${count(data.page + 1)}`}>{`These worlds fill ${plural(pages, "page")}.`}</Empty>
          )}
          <nav class="row" aria-label="Pages">
            <span class="soft">
              {plural(data.total, "world")}, page {count(data.page + 1)} of {count(pages)}
            </span>
            <Press isOff={data.page < 1} onClick={() => choose({ page: writePage(Math.min(data.page, pages) - 1) })}>
              Back
            </Press>
            <Press isOff={data.page + 1 >= pages} onClick={() => choose({ page: writePage(data.page + 1) })}>
              Next
            </Press>
          </nav>
        </>
      )}
    </>
  );
}

const writePage = (page: number): string | null => (page > 0 ? String(page) : null);

function SearchField(props: { value: string }) {
  const [typed, setTyped] = useState(props.value);
  useEffect(() => setTyped(props.value), [props.value]);
  useEffect(() => {
    if (typed === props.value) return undefined;
    const timer = setTimeout(() => choose({ search: typed || null, page: null }), 300);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <label class="field">
      Search
      <input type="search" value={typed} placeholder="12, bit-flip, too hard" onInput={(event) => setTyped(event.currentTarget.value)} />
    </label>
  );
}

interface Look {
  drawing: Drawing;
  trace: Trace | null;
}

function Gallery(props: { run: Summary; worlds: Card[]; sort: string }) {
  const ids = props.worlds.map((world) => world.id).join(",");
  const changes = useChanges(props.run.name, ["episodes"], 3_000);
  const episodes = useAsk<{ episodes: Episode[] }>(ofRun(props.run.name, "/episodes/latest"), { worlds: ids }, changes);
  const played = useMemo(() => new Map(episodes.data?.episodes.map((one) => [one.world, one])), [episodes.data]);
  const isAsked = episodes.data !== null || episodes.error !== null;
  const unplayed = props.worlds.map((world) => world.id).filter((id) => !played.has(id)).join(",");
  const levels = useAsk<{ levels: Level[] }>(isAsked && unplayed ? ofRun(props.run.name, "/levels") : null, { ids: unplayed });
  const drawn = useMemo(() => new Map(levels.data?.levels.map((level) => [level.id, level])), [levels.data]);
  return (
    <ul class="worlds">
      {props.worlds.map((world) => {
        const episode = played.get(world.id);
        const level = drawn.get(world.id);
        const look: Look | null = episode ?? (level ? { drawing: level.drawing, trace: null } : null);
        const absent = levels.error ? "no picture: the server can't draw worlds" : levels.data ? "can't be drawn" : "being drawn …";
        return (
          <li key={world.id}>
            <a class="world" href={formatPlace(props.run.name, "worlds", world.id)}>
              <div class="frame">
                {look ? (
                  <Loop drawing={look.drawing} trace={look.trace} phase={world.id * 3} label={tellLook(world, episode)} />
                ) : (
                  <span>{absent}</span>
                )}
              </div>
              <span class="name">
                <span>World {world.id}</span>
                {world.solve_rate !== null && <span class="soft small">{percent(world.solve_rate)} solved</span>}
              </span>
              <span class="told">
                {tellWorld(world)}
                {tellSorted(world, props.sort)}
                {isAsked && !episode && (props.run.is_live ? " · not filmed yet" : " · not filmed")}
              </span>
            </a>
          </li>
        );
      })}
    </ul>
  );
}

function tellLook(world: Card, episode: Episode | undefined): string {
  if (!episode) return `World ${world.id} at its start; no episode is recorded.`;
  return `World ${world.id}: the agent ${episode.is_solved ? "reached the goal" : "did not reach the goal"} in ${episode.steps} steps.`;
}

/** What the worlds are sorted by, unless the card says it anyway. */
function tellSorted(world: Card, sort: string): string {
  if (sort === "learnability") return ` · learnability ${digits(world.learnability)}`;
  return sort === "qd" ? ` · QD ${digits(world.qd)}` : "";
}

function tellWorld(world: Card): string {
  const state = world.verdict !== "accepted" ? world.verdict : world.is_living ? `${plural(world.age ?? 0, "cycle")} old` : `extinct since cycle ${world.left_cycle}`;
  const path = world.shortest_path === null ? "" : ` · path of ${plural(world.shortest_path, "step")}`;
  return `${state}${path}`;
}

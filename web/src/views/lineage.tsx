/** The tree of worlds over time. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { ofRun, withQuery, API } from "../api/client";
import type { LineageAnswer, Summary } from "../api/types";
import { useCell } from "../core/cell";
import { download, fileName } from "../core/export";
import { count, digits, plural } from "../core/format";
import { choose, formatPlace, useChoice, useTitle } from "../core/router";
import { animate, isCalm } from "../draw/clock";
import { findWorlds, layOut, type Tree } from "../lineage/layout";
import { takeoversCsv, transfersCsv } from "../lineage/trials";
import { useLineage } from "../lineage/whole";
import { Icon } from "../ui/icons";
import { usePlayKey } from "../ui/shortcuts";
import { Empty, Heading, Problem, Toggle, Waiting } from "../ui/parts";
import { rampOn } from "../ui/ramp";
import { colour, shade } from "../ui/theme";
import { TreeCanvas } from "../ui/tree";

const CYCLES_PER_S = 12;

export function LineageView(props: { run: Summary }) {
  const { run } = props;
  useTitle(`Lineage, ${run.name}`);
  if (run.has_pool) return <Grown run={run} />;
  return (
    <>
      <Heading title="Lineage" />
      <Empty title="This run has no lineage">
        {`The method ${run.curriculum ?? "of this run"} chooses levels and keeps them in a buffer, without a record of what came from what. `}
        <a href={formatPlace(run.name, "worlds")}>The levels that were filmed</a>
      </Empty>
    </>
  );
}

function Grown(props: { run: Summary }) {
  const { run } = props;
  const [all, setAll] = useChoice("all", "");
  const [search, setSearch] = useChoice("search", "");
  const [at, setAt] = useChoice("cycle", "");
  const [chosen, setChosen] = useChoice("world", "");
  const [fold, setFold] = useChoice("folded", "");
  const answer = useLineage(run.name, all !== "");
  const lineage = answer.data;
  const folded = useMemo(() => new Set(fold.split(".").filter(Boolean).map(Number)), [fold]);
  const tree = useMemo(() => (lineage ? layOut(lineage.columns, folded) : null), [lineage, folded]);
  const found = useMemo(() => (lineage ? findWorlds(lineage, search) : []), [lineage, search]);
  const foundSet = useMemo(() => new Set(found), [found]);
  const last = tree?.last ?? 0;
  const until = at === "" ? last : Math.min(Number(at) || 0, last);
  const selected = chosen === "" ? null : Number(chosen);
  const toggleFold = (id: number) => {
    const next = new Set(folded);
    if (!next.delete(id)) next.add(id);
    setFold([...next].join("."));
  };
  const nextFound = () => {
    const place = found.indexOf(selected ?? -1);
    const next = found[(place + 1) % found.length];
    if (next !== undefined) setChosen(String(next));
  };
  return (
    <>
      <Heading title="Lineage">Time runs to the right; a family keeps together. A line is a life in the pool, a cross its end.</Heading>
      <form
        class="row"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          nextFound();
        }}
      >
        <label class="field">
          Search
          <input type="search" value={search} placeholder="12, bit-flip" onInput={(event) => setSearch(event.currentTarget.value)} />
        </label>
        <button class="button" type="submit" disabled={!found.length}>
          {search ? `Next of ${count(found.length)}` : "Find"}
        </button>
        <Toggle label="rejected ones too" isOn={all !== ""} onChange={(isOn) => setAll(isOn ? "1" : "")} />
        <a class="button" href={withQuery(API + ofRun(run.name, "/lineage"), { format: "csv", accepted: all ? null : true })} download>
          Worlds as CSV
        </a>
        {lineage && lineage.transfers.cycle.length > 0 && (
          <button class="button" type="button" onClick={() => download(fileName(`${run.name} transfers`, "csv"), transfersCsv(lineage), "text/csv")}>
            Transfers as CSV
          </button>
        )}
        {lineage && lineage.takeovers.cycle.length > 0 && (
          <button class="button" type="button" onClick={() => download(fileName(`${run.name} takeovers`, "csv"), takeoversCsv(lineage), "text/csv")}>
            Takeovers as CSV
          </button>
        )}
      </form>
      {answer.error && <Problem error={answer.error} again={answer.again} />}
      {!lineage && answer.isLoading && <Waiting what="Reading the lineage …" />}
      {lineage && tree && !lineage.columns.id.length && <Empty title="No world yet">The tree begins with the first world that is accepted.</Empty>}
      {lineage && tree && lineage.columns.id.length > 0 && (
        <>
          <TreeCanvas
            answer={lineage}
            tree={tree}
            until={until}
            found={foundSet}
            folded={folded}
            selected={selected}
            title={`${run.name} lineage`}
            onSelect={(id) => setChosen(id === null ? "" : String(id))}
            onFold={toggleFold}
          />
          <Key longest={lineage.columns.path.reduce<number>((most, path) => Math.max(most, path ?? 0), 1)} />
          <Scrubber last={last} until={until} isLatest={at === ""} onChange={(cycle) => setAt(cycle >= last ? "" : String(cycle))} />
          <Picked run={run} answer={lineage} tree={tree} selected={selected} folded={folded} onFold={toggleFold} until={until} />
        </>
      )}
    </>
  );
}

function Key(props: { longest: number }) {
  const tones = rampOn(useCell(shade));
  return (
    <ul class="key">
      <li>
        shortest path 0{" "}
        <svg viewBox={`0 0 ${tones.length * 3} 10`} aria-hidden="true">
          {tones.map((tone, at) => (
            <rect key={tone} x={at * 3} width="3" height="10" fill={tone} />
          ))}
        </svg>{" "}
        {props.longest}
      </li>
      <li>
        <svg viewBox="0 0 22 10" aria-hidden="true">
          <path d="M1 5H21" stroke={colour("series-1")} stroke-width="3" />
        </svg>
        lives
      </li>
      <li>
        <svg viewBox="0 0 22 10" aria-hidden="true">
          <path d="M1 5H15" stroke={colour("line-strong")} stroke-width="3" />
          <path d="M13 2L19 8M19 2L13 8" stroke={colour("text")} stroke-width="1.500" />
        </svg>
        extinct
      </li>
      <li>
        <svg viewBox="0 0 22 10" aria-hidden="true">
          <path d="M11 1L15 5L11 9L7 5Z" fill="none" stroke={colour("series-2")} stroke-width="1.500" />
        </svg>
        specialist tried for the generalist, filled where it was merged
      </li>
      <li>
        <svg viewBox="0 0 22 10" aria-hidden="true">
          <path d="M7 2H15L11 9Z" fill="none" stroke={colour("series-2")} stroke-width="1.500" />
        </svg>
        policy tried in a specialist’s place, filled where it took over
      </li>
    </ul>
  );
}

function Scrubber(props: { last: number; until: number; isLatest: boolean; onChange: (cycle: number) => void }) {
  const { last, until } = props;
  const [isPlaying, setPlaying] = useState(false);
  usePlayKey(() => setPlaying((is) => !is));
  useEffect(() => {
    if (!isPlaying) return undefined;
    let before: number | null = null;
    let cycle = until >= last ? 0 : until;
    return animate((seconds) => {
      const gone = before === null ? 0 : seconds - before;
      before = seconds;
      const shown = Math.floor(cycle);
      cycle = Math.min(last, cycle + gone * (isCalm() ? 2 : Math.max(CYCLES_PER_S, last / 20)));
      if (Math.floor(cycle) !== shown || cycle >= last) props.onChange(Math.floor(cycle));
      if (cycle >= last) setPlaying(false);
    });
  }, [isPlaying, last]);
  return (
    <div class="scrub">
      <button class="button" onClick={() => setPlaying(!isPlaying)} aria-label={isPlaying ? "Rest" : "Play the growth"} aria-keyshortcuts="Space">
        <Icon name={isPlaying ? "pause" : "play"} />
      </button>
      <label class="field">
        <span class="hidden">Cycle shown</span>
        <input
          type="range"
          min={0}
          max={last}
          value={until}
          onInput={(event) => {
            setPlaying(false);
            props.onChange(Number(event.currentTarget.value));
          }}
        />
      </label>
      <span class="soft small">
        cycle {until} of {last}
      </span>
    </div>
  );
}

function Picked(props: {
  run: Summary;
  answer: LineageAnswer;
  tree: Tree;
  selected: number | null;
  folded: ReadonlySet<number>;
  until: number;
  onFold: (id: number) => void;
}) {
  const { answer, tree, selected, until } = props;
  const { columns } = answer;
  const at = selected === null ? undefined : tree.place.get(selected);
  if (selected === null || at === undefined) {
    const born = columns.cycle.filter((cycle) => cycle <= until).length;
    const gone = columns.left.filter((left) => left >= 0 && left <= until).length;
    return (
      <p class="picked soft" role="status">
        {plural(born, "world")} by cycle {until}, {count(gone)} of them extinct; {plural(answer.transfers.cycle.filter((cycle) => cycle <= until).length, "transfer")} and {plural(answer.takeovers.cycle.filter((cycle) => cycle <= until).length, "takeover")} tried. Choose a world to see more.
      </p>
    );
  }
  const left = columns.left[at] as number;
  const parents = [columns.parent[at], columns.parent2[at]].filter((id): id is number => id !== undefined && id >= 0);
  return (
    <div class="picked" role="status">
      <a class="button main" href={formatPlace(props.run.name, "worlds", selected)}>
        World {selected}
      </a>
      <span>
        {answer.operators[columns.operator[at] as number]}, cycle {columns.cycle[at]}
        {left >= 0 ? ` to ${left}` : ", lives"}
        {columns.path[at] !== null && `, ${columns.path[at]} steps at least`}
        {columns.qd[at] !== null && `, QD ${digits(columns.qd[at])}`}, {count(tree.descendants[at])} descendants
      </span>
      {parents.map((id) => (
        <button class="button" key={id} onClick={() => choose({ world: String(id) })}>
          Parent {id}
        </button>
      ))}
      {(tree.descendants[at] as number) > 0 && (
        <button class="button" onClick={() => props.onFold(selected)} aria-pressed={props.folded.has(selected)}>
          {props.folded.has(selected) ? "Unfold" : "Fold up"}
        </button>
      )}
    </div>
  );
}

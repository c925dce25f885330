/** The frame: where one can go, which run it is, how it is doing, and the view in it. */
import { useEffect, useRef } from "preact/hooks";
import { needsToken } from "./api/client";
import type { Summary } from "./api/types";
import { useCell } from "./core/cell";
import { live, useRun, useRuns } from "./core/data";
import { formatPlace, go, usePlace, VIEWS, type Place, type View } from "./core/router";
import { Boundary } from "./ui/boundary";
import { HelpDialog, isHelpOpen, useShortcuts } from "./ui/shortcuts";
import { Icon, Mark } from "./ui/icons";
import { Heading, Problem, StatePill, Waiting } from "./ui/parts";
import { nextTheme, shade } from "./ui/theme";
import { EvaluationView } from "./views/evaluation";
import { LearningView } from "./views/learning";
import { LevelView, LevelsView } from "./views/levels";
import { LineageView } from "./views/lineage";
import { NowView } from "./views/now";
import { RunsView } from "./views/runs";
import { SafetyView } from "./views/safety";
import { SteeringView } from "./views/steering";
import { TokenView } from "./views/token";
import { WorldView } from "./views/world";
import { WorldsView } from "./views/worlds";

export const VIEW_NAMES: Record<View, string> = {
  now: "Now",
  worlds: "Worlds",
  lineage: "Lineage",
  learning: "Learning",
  evaluation: "Evaluation",
  safety: "Safety",
  steering: "Steering",
};

export function App() {
  const place = usePlace();
  const runs = useRuns();
  const main = useRef<HTMLElement>(null);
  const helps = useCell(isHelpOpen);
  const name = "run" in place ? place.run : null;
  useShortcuts(name);
  const first = useRef(true);
  const where = JSON.stringify(place);
  useEffect(() => {
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [where]);
  if (useCell(needsToken)) return <TokenView />;
  return (
    <>
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <div class="shell">
        <header class="side">
          <div class="top">
            <a class="brand" href="/">
              <Mark />
              Alpha-Factory
            </a>
          </div>
          {name !== null && <Navigation run={name} view={"run" in place ? place.view : null} />}
          <div class="foot">
            <Link />
          </div>
        </header>
        <div class="main">
          <Bar name={name} runs={runs.data ?? []} view={"run" in place ? place.view : "now"} />
          <main class="content" id="content" tabIndex={-1} ref={main}>
            <Boundary what={where}>
              <Content place={place} runs={runs.data} />
            </Boundary>
          </main>
        </div>
      </div>
      {helps && <HelpDialog />}
    </>
  );
}

function Navigation(props: { run: string; view: View | null }) {
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    const [bar, link] = [nav.current, nav.current?.querySelector<HTMLElement>("[aria-current]")];
    if (bar && link) bar.scrollLeft = link.offsetLeft - (bar.clientWidth - link.offsetWidth) / 2; // of use where the menu is a row
  }, [props.view]);
  return (
    <nav class="nav" aria-label="Views of the run" ref={nav}>
      <ul>
        {VIEWS.map((view) => (
          <li key={view}>
            <a href={formatPlace(props.run, view)} aria-current={view === props.view ? "page" : undefined}>
              <Icon name={view} />
              {VIEW_NAMES[view]}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Bar(props: { name: string | null; runs: Summary[]; view: View }) {
  const shown = useCell(shade);
  const run = props.runs.find((one) => one.name === props.name);
  return (
    <section class="bar" aria-label="The run and the page">
      {props.name !== null && (
        <>
          <label class="field inline">
            Run
            <select
              value={props.name}
              onChange={(event) => go(formatPlace(event.currentTarget.value, props.view))}
            >
              {!run && <option value={props.name}>{props.name}</option>}
              {props.runs.map((one) => (
                <option value={one.name} key={one.name}>
                  {one.name}
                </option>
              ))}
            </select>
          </label>
          {run && <StatePill run={run} />}
        </>
      )}
      <span class="grow" />
      <Connection />
      <button class="button quiet" onClick={nextTheme} aria-label={shown === "dark" ? "Light colours" : "Dark colours"}>
        <Icon name={shown === "dark" ? "sun" : "moon"} />
      </button>
      <button class="button quiet" onClick={() => isHelpOpen.set(true)} aria-label="Help and keyboard shortcuts">
        <Icon name="help" />
      </button>
    </section>
  );
}

function Connection() {
  const state = useCell(live.state);
  const dropped = useCell(live.dropped);
  return (
    <span role="status">
      {state === "lost" && <span class="pill warn">connection lost, trying again</span>}
      {state !== "lost" && dropped > 0 && (
        <span class="pill warn plain" title="This browser was slower than the run. What was left out has been fetched.">
          caught up {dropped}×
        </span>
      )}
    </span>
  );
}

function Link() {
  return (
    <a class="small" href="/">
      All runs
    </a>
  );
}

function Content(props: { place: Place; runs: Summary[] | null }) {
  const { place } = props;
  if (place.view === "runs") return <RunsView />;
  if (place.view === "missing")
    return (
      <Heading title="There is nothing at this address">
        <span class="mono">{place.path}</span> is no view of a run. <a href="/">All runs</a>
      </Heading>
    );
  const isListed = props.runs?.some((run) => run.name === place.run) ?? false;
  return <RunContent key={place.run} place={place} isListed={isListed} />;
}

function WorldContent(props: { run: Summary; world: number | undefined }) {
  const { run, world } = props;
  if (world === undefined) return run.has_pool ? <WorldsView run={run} /> : <LevelsView run={run} />;
  return run.has_pool ? <WorldView key={world} run={run} id={world} /> : <LevelView key={world} run={run} id={world} />;
}

function RunContent(props: { place: Extract<Place, { run: string }>; isListed: boolean }) {
  const { place, isListed } = props;
  const run = useRun(place.run);
  const wasListed = useRef(isListed); // one that began a moment ago is not listed yet
  if (isListed) wasListed.current = true;
  useEffect(() => {
    if (isListed && run.error) run.again();
  }, [isListed]);
  if (!run.data && run.error?.code === "not_found")
    return (
      <Heading title={`There is no run “${place.run}” in this folder`}>
        If it has yet to begin, leave this open: the view comes by itself once the run is there. <a href="/">All runs</a>
      </Heading>
    );
  if (!run.data)
    return (
      <>
        <Heading title={place.run} />
        {run.error ? <Problem error={run.error} again={run.again} /> : <Waiting what="Reading the run …" />}
      </>
    );
  return (
    <>
      {wasListed.current && !isListed && (
        <div class="notice bad" role="alert">
          <p>
            <strong>This run is no longer in the folder.</strong> What is shown is the last that was read of it. <a href="/">All runs</a>
          </p>
        </div>
      )}
      <RunView place={place} run={run.data} />
    </>
  );
}

function RunView(props: { place: Extract<Place, { run: string }>; run: Summary }) {
  const { place, run } = props;
  switch (place.view) {
    case "now":
      return <NowView run={run} />;
    case "worlds":
      return <WorldContent run={run} world={place.world} />;
    case "lineage":
      return <LineageView run={run} />;
    case "learning":
      return <LearningView run={run} />;
    case "evaluation":
      return <EvaluationView run={run} />;
    case "safety":
      return <SafetyView run={run} />;
    case "steering":
      return <SteeringView run={run} />;
  }
}

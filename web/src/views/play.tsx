/** The reader plays: keys go to the server, which steps the very world that the agent was in. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, post } from "../api/client";
import type { Drawing, Episode, Played, Trace } from "../api/types";
import { digits } from "../core/format";
import { animate, isCalm } from "../draw/clock";
import { VERMILLION } from "../draw/pen";
import { Still } from "../ui/player";

/** Which key sends which letter of a key log. */
const TURN: Record<string, string> = { ArrowLeft: "L", ArrowRight: "R", ArrowUp: "F", a: "L", d: "R", w: "F" };
const SECONDS_A_STEP = 0.12;

interface Game {
  drawing: Drawing;
  trace: Trace;
  told: Played;
}

export function Play(props: { body: Record<string, unknown>; agent: Episode | null; best: number | null }) {
  const [game, setGame] = useState<Game | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [isBusy, setBusy] = useState(false);
  const keys = useRef("");
  const known = useRef<Game | null>(null);
  const isWorking = useRef(false);
  const round = useRef(0); // answers of a game that was started anew, or of a view that is gone, count for nothing
  useEffect(() => () => void (round.current += 1), []);
  const time = useGlide(game?.told.steps ?? 0);

  /** Ask until the answer knows all keys: those pressed while one question is at work go with the next. */
  const pump = async () => {
    if (isWorking.current) return;
    isWorking.current = true;
    setBusy(true);
    const mine = round.current;
    try {
      while (!known.current || (known.current.told.steps < keys.current.length && !known.current.told.is_over)) {
        const from = known.current?.told.steps ?? 0;
        const told: Played = await post<Played>("/play", { ...props.body, controls: "turn", seed: 0, keys: keys.current, from });
        if (mine !== round.current) return;
        const trace = known.current ? joinTrace(known.current.trace, told.trace, told.from) : told.trace;
        known.current = { drawing: told.drawing, trace, told };
        setGame(known.current);
        setError(null);
      }
    } catch (problem) {
      if (mine !== round.current) return;
      keys.current = keys.current.slice(0, known.current?.told.steps ?? 0);
      setError(problem instanceof ApiError ? problem : new ApiError(0, "broken", String(problem)));
    } finally {
      if (mine === round.current) {
        isWorking.current = false;
        setBusy(false);
      }
    }
  };
  const press = (key: string) => {
    if (!known.current || known.current.told.is_over) return;
    keys.current += key;
    void pump();
  };
  const restart = () => {
    round.current += 1;
    isWorking.current = false;
    keys.current = "";
    known.current = null;
    void pump();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const letter = TURN[event.key];
    if (letter) press(letter);
    else if (event.key === "r") restart();
    else if (event.key === " ") void 0; // it would scroll the page away under the game
    else if (event.key === "Escape" && event.currentTarget instanceof HTMLElement) event.currentTarget.blur();
    else return;
    event.preventDefault();
  };
  return (
    <div class="screen">
      <h3>
        You
        {game && <span class="soft">{game.told.is_over ? (game.told.is_solved ? "solved" : "over") : `step ${game.told.steps}`}</span>}
      </h3>
      {game ? (
        <div tabIndex={0} data-keys role="group" aria-label="Your game. Arrow keys turn and go forward, r starts again." onKeyDown={onKey} ref={focusOnce}>
          <Still drawing={game.drawing} trace={game.trace} time={time} colour={VERMILLION} label={`Your game: ${game.told.outcome}`} />
        </div>
      ) : (
        <div class="empty">
          <p>Play the very world that the agent was in, with the arrow keys.</p>
          <button class="button main" onClick={restart} disabled={isBusy}>
            {isBusy ? "Getting the world ready …" : "Play it yourself"}
          </button>
          {isBusy && <p class="small">The first time takes up to half a minute.</p>}
        </div>
      )}
      {error && (
        <p class="small" role="alert">
          {error.message}
        </p>
      )}
      {game && (
        <>
          <p class="small" role="status">
            You <strong>{digits(game.told.total)}</strong>
            <span class="soft"> in {game.told.steps} steps</span>
            {props.agent && (
              <>
                {" "}
                · agent <strong>{digits(props.agent.total)}</strong>
                <span class="soft"> in {props.agent.steps}</span>
              </>
            )}
            {props.best !== null && (
              <>
                {" "}
                · most <strong>{digits(props.best)}</strong>
              </>
            )}
            {game.told.is_over && <span> · {game.told.outcome}</span>}
          </p>
          <div class="pad">
            <button class="button" onClick={() => press("L")} aria-label="Turn left">
              ↺
            </button>
            <button class="button" onClick={() => press("F")} aria-label="Forward">
              ↑
            </button>
            <button class="button" onClick={() => press("R")} aria-label="Turn right">
              ↻
            </button>
          </div>
          <div class="row">
            <button class="button" onClick={restart}>
              Start again
            </button>
          </div>
        </>
      )}
    </div>
  );
}

function focusOnce(element: HTMLElement | null): void {
  if (element && !element.dataset.greeted) {
    element.dataset.greeted = "yes";
    element.focus({ preventScroll: true });
  }
}

/** A time that glides to a step instead of jumping there. */
function useGlide(step: number): number {
  const [time, setTime] = useState(step);
  const shown = useRef(step);
  useEffect(() => {
    if (isCalm() || step < shown.current) {
      shown.current = step;
      setTime(step);
      return undefined;
    }
    let before: number | null = null;
    const stop = animate((seconds) => {
      const gone = before === null ? 0 : seconds - before;
      before = seconds;
      const rate = Math.max(1, step - shown.current) / SECONDS_A_STEP;
      shown.current = Math.min(step, shown.current + gone * rate);
      setTime(shown.current);
      if (shown.current >= step) stop();
    });
    return () => void stop();
  }, [step]);
  return time;
}

/** What was known up to a moment and what came from it on, whose columns begin at that moment. */
export function joinTrace(known: Trace, later: Trace, from: number): Trace {
  const offsets = known.offset || later.offset;
  const still = (size: number): [number, number][] => Array.from({ length: size }, () => [0, 0]);
  return {
    position: [...known.position.slice(0, from), ...later.position],
    offset: offsets
      ? [...(known.offset ?? still(known.position.length)).slice(0, from), ...(later.offset ?? still(later.position.length))]
      : null,
    heading: [...known.heading.slice(0, from), ...later.heading],
    has_key: later.has_key,
    is_open: later.is_open,
    changes: [...known.changes.filter(([when]) => when <= from), ...later.changes.filter(([when]) => when > from)],
    opponents: later.opponents.map((moments, slot) => [...(known.opponents[slot]?.slice(0, from) ?? []), ...moments]),
    actions: [...known.actions.slice(0, from), ...later.actions],
    reward: [...known.reward.slice(0, from), ...later.reward],
  };
}

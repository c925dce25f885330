/** The oracle's view of a level's file, asked when the drawing rests for a moment. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, post } from "../api/client";
import type { Check } from "../api/types";
import type { Answer } from "../core/data";

const PAUSE_MS = 350;
type State = Omit<Answer<Check>, "again">;

/** The answer to the last text that rested; what was known stays until then. Null asks nothing. */
export function useCheck(text: string | null): Answer<Check> {
  const [state, setState] = useState<State>({ data: null, error: null, isLoading: true });
  const [tries, setTries] = useState(0);
  useEffect(() => {
    if (text === null) return undefined;
    const stop = new AbortController();
    setState((old) => ({ ...old, isLoading: true }));
    const timer = setTimeout(() => {
      post<Check>("/check", { level: text }, stop.signal).then(
        (data) => setState({ data, error: null, isLoading: false }),
        (problem: unknown) => {
          if (stop.signal.aborted) return;
          setState({ data: null, error: problem instanceof ApiError ? problem : new ApiError(0, "broken", String(problem)), isLoading: false });
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text, tries]);
  return { ...state, again: () => setTries((count) => count + 1) };
}

/** The whole lineage of a run: read page after page, and grown by what comes live meanwhile and after. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { ApiError, get, ofRun } from "../api/client";
import type { LineageAnswer } from "../api/types";
import { useCell } from "../core/cell";
import { live, useIncrements, type Answer } from "../core/data";
import { joinLineage, keepAccepted, readAll } from "./layout";

const PAGE = 20_000;
const RETRY_MS = 4_000;

export function useLineage(run: string, isAll: boolean): Answer<LineageAnswer> {
  const [read, setRead] = useState<LineageAnswer | null>(null);
  const [came, setCame] = useState<LineageAnswer | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [isLoading, setLoading] = useState(true);
  const [turn, setTurn] = useState(0);
  const again = () => setTurn((count) => count + 1);
  const returns = useCell(live.returns);
  useEffect(() => {
    setRead(null);
    setCame(null);
  }, [run, isAll]);
  useEffect(() => {
    const stop = new AbortController();
    let retry: ReturnType<typeof setTimeout> | undefined;
    setLoading(true);
    const ask = (after: string | null) => get<LineageAnswer>(ofRun(run, "/lineage"), { limit: PAGE, accepted: isAll ? null : true, after }, stop.signal);
    readAll(ask, (answer) => {
      if (stop.signal.aborted) return;
      setRead(answer);
      setError(null);
    }).then(
      () => !stop.signal.aborted && setLoading(false),
      (told: unknown) => {
        if (stop.signal.aborted) return;
        const problem = told instanceof ApiError ? told : new ApiError(0, "broken", String(told));
        setError(problem);
        setLoading(false);
        if (problem.status === 0 || problem.status === 503) retry = setTimeout(again, RETRY_MS);
      },
    );
    return () => {
      stop.abort();
      clearTimeout(retry);
    };
  }, [run, isAll, turn, returns]);
  useIncrements(run, ["worlds"], (message) => {
    if (message.reset) {
      setCame(null);
      again();
      return;
    }
    const answer = message as unknown as LineageAnswer;
    const kept = isAll ? answer : keepAccepted(answer);
    setCame((old) => (old ? joinLineage(old, kept) : kept));
  });
  const data = useMemo(() => (read && came ? joinLineage(read, came) : read), [read, came]);
  return { data, error, isLoading, again };
}

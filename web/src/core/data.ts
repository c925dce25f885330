/** What a view shows: asked of the server once, kept while it is asked again, and grown by what comes live. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, get, ofRun, type Query } from "../api/client";
import { Live, type Increment, type Wire } from "../api/live";
import type { Columns, Metrics, RunDetail, Summary } from "../api/types";
import { Cell, useCell } from "./cell";
import { append, beyond, thin } from "./series";

export const live = new Live(() => {
  const url = new URL("/api/v1/live", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(url) as Wire;
});

/** Seconds since 1970, once a second. */
export const now = new Cell(Date.now() / 1_000);

export interface Answer<T> {
  data: T | null;
  error: ApiError | null;
  isLoading: boolean;
  again: () => void;
}

/** The answer to a question; null asks nothing. Asked anew when the connection comes back. */
export function useAsk<T>(path: string | null, query: Query = {}, version: unknown = 0): Answer<T> {
  const key = path === null ? null : JSON.stringify([path, query]);
  const [state, setState] = useState<{ key: string | null; data: T | null; error: ApiError | null; isLoading: boolean }>({
    key: null,
    data: null,
    error: null,
    isLoading: key !== null,
  });
  const [tries, setTries] = useState(0);
  const returns = useCell(live.returns);
  useEffect(() => {
    if (path === null) return;
    const stop = new AbortController();
    let retry: ReturnType<typeof setTimeout> | undefined;
    setState((old) => ({ ...old, isLoading: true }));
    get<T>(path, query, stop.signal).then(
      (data) => setState({ key, data, error: null, isLoading: false }),
      (error: unknown) => {
        if (stop.signal.aborted) return;
        const told = error instanceof ApiError ? error : new ApiError(0, "broken", String(error));
        setState((old) => ({ key, data: old.key === key ? old.data : null, error: told, isLoading: false }));
        if (told.status === 0 || told.status === 503) retry = setTimeout(() => setTries((count) => count + 1), 4_000);
      },
    );
    return () => {
      stop.abort();
      clearTimeout(retry);
    };
  }, [key, version, tries, returns]);
  return { ...state, again: () => setTries((count) => count + 1) };
}

/** All runs, newest first, as they change. */
export function useRuns(): Answer<Summary[]> {
  const answer = useAsk<{ runs: Summary[] }>("/runs");
  const [fresh, setFresh] = useState<Summary[] | null>(null);
  useEffect(() => live.watch("*", { runs: null }, (message) => setFresh(message.runs as Summary[])), []);
  return { ...answer, data: fresh ?? answer.data?.runs ?? null };
}

/** A run as it stands, kept up to date. */
export function useRun(name: string | null): Answer<Summary> {
  const answer = useAsk<RunDetail>(name === null ? null : ofRun(name));
  const [fresh, setFresh] = useState<Summary | null>(null);
  const { data } = answer;
  useEffect(() => {
    setFresh(null);
    if (name === null || !data || data.name !== name) return undefined;
    const cursors = data.cursors;
    return live.watch(
      name,
      {
        now: null,
        rows: cursors.rows ?? null,
        worlds: cursors.worlds ?? null,
        episodes: cursors.episodes ?? null,
        events: cursors.events ?? null,
      },
      (message) => message.type === "now" && setFresh(message.now as Summary),
    );
  }, [name, data]);
  return { ...answer, data: fresh?.name === name ? fresh : data?.name === name ? data : null };
}

/** Calls `take` with each message of these kinds about a run. */
export function useIncrements(run: string, types: string[], take: (message: Increment) => void): void {
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => live.watch(run, {}, (message) => types.includes(message.type) && latest.current(message)), [run, types.join()]);
}

/** Counts messages of these kinds, at most one every `pause` ms: a reason to ask again. */
export function useChanges(run: string, types: string[], pause = 1_000): number {
  const [changes, setChanges] = useState(0);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useIncrements(run, types, () => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      setChanges((count) => count + 1);
    }, pause);
  });
  useEffect(() => () => clearTimeout(timer.current), []);
  return changes;
}

/** A value that follows another, at most once every `pause` ms. */
export function usePaced<T>(value: T, pause: number): T {
  const [paced, setPaced] = useState(value);
  const latest = useRef(value);
  latest.current = value;
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    if (Object.is(value, paced)) return;
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      setPaced(latest.current);
    }, pause);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return paced;
}

const POINTS = 600;

export interface Curve {
  columns: Columns | null;
  names: string[];
  isSampled: boolean;
  error: ApiError | null;
}

/** The run's numbers over time, from `from` to `to` frames, growing while the run goes on. */
export function useMetrics(run: string, span: { from: number | null; to: number | null }): Curve {
  const [turn, setTurn] = useState(0);
  const answer = useAsk<Metrics>(ofRun(run, "/metrics"), { points: POINTS, from: span.from, to: span.to }, turn);
  const [more, setMore] = useState<Columns>({});
  const base = answer.data?.columns;
  const again = () => setTurn((count) => count + 1);
  useEffect(() => setMore({}), [run, span.from, span.to]);
  // Rows that came while the answer was under way may lie beyond it: only what it holds is let go.
  useEffect(() => setMore((old) => (base ? beyond(base, old) : old)), [base]);
  const isLong = (more.frames?.length ?? 0) > POINTS;
  useEffect(() => {
    if (isLong) again();
  }, [isLong]);
  useIncrements(run, ["rows"], (message) => {
    if (message.reset) {
      setMore({});
      again();
    } else if (span.to === null) setMore((old) => append(old, message.columns as Columns));
  });
  const columns = useMemo(() => (base ? thin(append(base, more), 2 * POINTS) : null), [base, more]);
  return { columns, names: answer.data?.names ?? [], isSampled: answer.data?.is_sampled ?? false, error: answer.error };
}

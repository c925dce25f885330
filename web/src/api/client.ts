/** Asking the server: a path in, its JSON out, or an `ApiError` in words that can be shown. */
import { Cell } from "../core/cell";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: { where: string; what: string }[] = [],
  ) {
    super(message);
  }
}

/** True once the server has answered that it wants a token. */
export const needsToken = new Cell(false);

export const API = "/api/v1";

/** The path below the API of something of a run. */
export const ofRun = (run: string, rest = ""): string => `/runs/${encodeURIComponent(run)}${rest}`;

type Value = string | number | boolean | null | undefined;
export type Query = Record<string, Value | string[]>;

/** A path with its query; a list is given name by name, and what is null, undefined or empty is left out. */
export function withQuery(path: string, query: Query = {}): string {
  const parts = Object.entries(query)
    .flatMap(([name, value]): [string, Value][] => (Array.isArray(value) ? value.map((one) => [name, one]) : [[name, value]]))
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return parts.length ? `${path}?${parts.join("&")}` : path;
}

export async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return ask<T>(withQuery(API + path, query), signal ? { signal } : {});
}

export async function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return ask<T>(API + path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
}

/** Where every row of some metrics is, as CSV: none smoothed, none left out, from and to so many frames. */
export const rawOf = (run: string, names: string[], span: { from: number | null; to: number | null } = { from: null, to: null }): string =>
  withQuery(API + ofRun(run, "/metrics"), { format: "csv", names: names.join(","), ...span });

async function ask<T>(url: string, options: RequestInit): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(url, { ...options, credentials: "same-origin" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable", "The server does not answer. The page tries again by itself.");
  }
  if (answer.ok) return (await answer.json()) as T;
  if (answer.status === 401) needsToken.set(true);
  throw await readError(answer);
}

async function readError(answer: Response): Promise<ApiError> {
  try {
    const { error } = (await answer.json()) as { error: { code: string; message: string; details?: ApiError["details"] } };
    return new ApiError(answer.status, error.code, error.message, error.details ?? []);
  } catch {
    return new ApiError(answer.status, "unreadable", `The server answered ${answer.status} ${answer.statusText}.`);
  }
}

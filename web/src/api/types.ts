/** What the server answers: the shapes of docs/page.md, as TypeScript sees them. Missing numbers are null. */

export type Maybe<T> = T | null;
export type Cursor = string;

export type RunState =
  | "starting" | "compiling" | "training" | "judging" | "saving" | "paused" | "evaluating" | "filming" | "reporting"
  | "finished" | "stopped" | "crashed" | "silent" | "unknown";

export interface Summary {
  name: string;
  preset: Maybe<string>;
  curriculum: Maybe<string>;
  seed: Maybe<number>;
  state: RunState;
  doing: Maybe<string>;
  since: Maybe<number>;
  state_age_s: Maybe<number>;
  is_live: boolean;
  started: Maybe<number>;
  modified: Maybe<number>;
  frames: Maybe<number>;
  updates: Maybe<number>;
  cycle: Maybe<number>;
  frames_per_s: Maybe<number>;
  replay_ratio: Maybe<number>;
  solve_rate: Maybe<number>;
  /** Log points that the mean is of. */
  solve_points: number;
  solve_mean: Maybe<number>;
  solve_low: Maybe<number>;
  solve_high: Maybe<number>;
  pool: Maybe<number>;
  worlds_accepted: Maybe<number>;
  worlds_rejected: Maybe<number>;
  wall_s: Maybe<number>;
  compile_s: Maybe<number>;
  seconds_left: Maybe<number>;
  budget: Maybe<{ minutes: Maybe<number>; frames: Maybe<number>; closing_s?: Maybe<number> }>;
  has_pool: boolean;
  error: Maybe<string>;
  files: Record<string, boolean>;
}

export type Topic = "now" | "rows" | "worlds" | "episodes" | "events" | "runs";
export type Topics = Partial<Record<Topic, Maybe<Cursor>>>;
export type RunDetail = Summary & { cursors: Partial<Record<"rows" | "worlds" | "episodes" | "events", Cursor>> };

export type Columns = Record<string, Maybe<number>[]>;

export interface Metrics {
  columns: Columns;
  names: string[];
  rows: number;
  is_sampled: boolean;
  cursor: Cursor;
  reset: boolean;
}

export interface Card {
  id: number;
  cycle: number;
  frames: number;
  verdict: string;
  operator: string;
  parents: number[];
  score: Maybe<number>;
  qd: Maybe<number>;
  shortest_path: Maybe<number>;
  specialist_score: Maybe<number>;
  is_living: boolean;
  left_cycle: Maybe<number>;
  solve_rate: Maybe<number>;
  normalised_return: Maybe<number>;
  learnability: Maybe<number>;
  age: Maybe<number>;
  children: number;
  episodes: number;
}

export interface WorldPage {
  total: number;
  page: number;
  size: number;
  worlds: Card[];
}

export interface HoneypotCheck {
  world: number;
  cycle: number;
  frames: number;
  training: number;
  evaluation: number;
  episodes: number;
  is_incident: boolean;
}

export interface Transfer {
  cycle: number;
  specialist: number;
  /** Of a takeover: whose policy it was; null for the generalist's. */
  source: Maybe<number>;
  helped: Maybe<number>;
  gain: number;
  merged: boolean;
}

export interface WorldDetail {
  card: Card & { genome?: Maybe<string>; level?: Maybe<string> };
  scores: { cycle: number[]; frames: number[]; solve_rate: Maybe<number>[]; normalised_return: Maybe<number>[]; episodes: number[] };
  looks: { cycle: number[]; frames: number[]; solve_rate: Maybe<number>[]; untrained: Maybe<number>[]; episodes: number[] };
  trials: { cycle: number; agents: number; best: number }[];
  honeypots: HoneypotCheck[];
  transfers: Transfer[];
  takeovers: Transfer[];
  retirement: Maybe<{ cycle: number; reason: string }>;
  parents: Card[];
  children: Card[];
  feedback: FeedbackAct[];
  episodes: EpisodeHead[];
}

export interface Opponent {
  kind: "patrol" | "chaser";
  at: [number, number];
  heading: number;
}

export interface Drawing {
  tiles: string[];
  start: [number, number];
  heading: number;
  goal: [number, number];
  opponents: Opponent[];
  step_limit: number;
}

export interface Trace {
  position: [number, number][];
  offset: Maybe<[number, number][]>;
  heading: number[];
  has_key: number[];
  is_open: number[];
  changes: [number, number, number, string][];
  opponents: [number, number, number][][];
  actions: string[];
  reward: number[];
}

export interface EpisodeHead {
  id: number;
  world: number;
  cycle: number;
  frames: number;
  player: string;
  is_solved: boolean;
  total: number;
  steps: number;
}

export type Episode = EpisodeHead & { drawing: Drawing; trace: Trace };

export type Words = Partial<Record<"layout" | "entities" | "physics" | "reward" | "rules", string[]>>;

export interface Level {
  id: number;
  drawing: Drawing;
  words: Words;
  text: Maybe<string>;
}

export interface Check {
  is_valid: boolean;
  problem: Maybe<{ message: string; line: Maybe<number>; column: Maybe<number> }>;
  drawing: Maybe<Drawing>;
  words: Maybe<Words>;
  text: Maybe<string>;
  solvable: Maybe<boolean>;
  solve_rate: Maybe<number>;
  shortest_path: Maybe<number>;
  plan: Maybe<string[]>;
  trace: Maybe<Trace>;
  optimal_return: Maybe<number>;
  is_deterministic: Maybe<boolean>;
  states: Maybe<number>;
  is_exact: Maybe<boolean>;
}

export interface Played {
  drawing: Drawing;
  trace: Trace;
  from: number;
  is_over: boolean;
  is_solved: boolean;
  total: number;
  steps: number;
  outcome: string;
  rules_in_force: number[];
}

export interface LineageColumns {
  id: number[];
  cycle: number[];
  parent: number[];
  parent2: number[];
  verdict: number[];
  path: Maybe<number>[];
  qd: Maybe<number>[];
  operator: number[];
  left: number[];
}

export interface LineageAnswer {
  columns: LineageColumns;
  verdicts: string[];
  operators: string[];
  retired: { world: number[]; cycle: number[] };
  transfers: { cycle: number[]; specialist: number[]; helped: number[]; gain: number[]; merged: boolean[] };
  takeovers: { cycle: number[]; specialist: number[]; source: number[]; gain: number[]; taken: boolean[] };
  cursor: Cursor;
  is_more: boolean;
  reset: boolean;
}

export interface Retention {
  world: number[];
  cycle: number[];
  frames: number[];
  solved: Maybe<number>[][];
  untrained: Maybe<number>[];
  left: Maybe<number>[];
}

export interface PolicyResult {
  solve_rate: Maybe<number>;
  low: Maybe<number>;
  high: Maybe<number>;
  cvar_10_held?: Maybe<number>;
  return_mean?: Maybe<number>;
}

export interface Suite {
  suite: string;
  suite_hash: string;
  step_limit: Maybe<number>;
  episodes: Maybe<number>;
  levels: Maybe<number>;
  policies: Record<string, PolicyResult>;
  budget: Maybe<Record<string, unknown>>;
}

export interface LedgerEvent {
  seq: number;
  time: number;
  kind: string;
  payload: Record<string, unknown>;
}

export interface Safety {
  /** When a honeypot counts as hacked. */
  rule: { least: number; margin: Maybe<number> };
  honeypots: HoneypotCheck[];
  incidents: HoneypotCheck[];
  updates_skipped: Maybe<number>;
  events: LedgerEvent[];
}

export interface Act {
  id: string;
  time: number;
  by?: string;
  state?: "waiting" | "done" | "refused";
  outcome?: Maybe<LedgerEvent>;
}
export type ControlAct = Act & { act: "pause" | "resume" | "save" | "stop" };
export type CandidateAct = Act & { genome: Maybe<string>; level: Maybe<string>; note: string };
export type FeedbackAct = Act & {
  about: "world" | "behaviour";
  world: number;
  episode: Maybe<number>;
  opinion: "like" | "dislike";
  reason: string;
};

export interface Acts {
  control: ControlAct[];
  candidates: CandidateAct[];
  feedback: FeedbackAct[];
}

export interface Series {
  mean: Maybe<number>[];
  low: Maybe<number>[];
  high: Maybe<number>[];
  runs: number[];
}

export interface Comparison {
  by: string;
  names: string[];
  groups: { name: string; runs: string[]; x: number[]; series: Record<string, Series> }[];
  runs: Record<string, { x: number[]; series: Columns }>;
  settings: { name: string; values: Record<string, unknown> }[];
}

export interface Setting {
  name: string;
  kind: "pair" | "share" | "whole" | "switch" | "rules";
  least: Maybe<number>;
  most: Maybe<number>;
  default: unknown;
}

/** A trigger or an effect of a rule: what is written, and what it does. */
export interface Phrase {
  text: string;
  meaning: string;
}

export interface Vocabulary {
  tiles: { symbol: string; name: string }[];
  agents: string;
  opponents: { symbol: string; name: string }[];
  settings: Setting[];
  triggers: Phrase[];
  effects: Phrase[];
  examples: string[];
  largest_side: number;
  default_level: string;
}

/**
 * A server with made-up runs that speaks the contract, for developing the page and for its own checks.
 * It also serves the built page with the real one's content security policy. Usage: node mock/server.mjs [--port 7861] [--worlds 907]
 */
import { createServer } from "node:http";
import { existsSync, readFileSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { WebSocketServer } from "ws";
import { findWay, keysOf, makeDrawing, makeEpisode, makeLineage, makeRandom, play } from "./world.mjs";

const { values: options } = parseArgs({ options: { port: { type: "string", default: "7861" }, worlds: { type: "string", default: "907" } } });
const STATIC = fileURLToPath(new URL("../../src/alpha_factory/service/page/static", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self' ws: wss:; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; frame-src 'self'";

const WORLDS = Number(options.worlds);
const lineage = makeLineage(WORLDS, WORLDS > 5_000 ? 400 : 60);
const random = makeRandom(1);
const seconds = () => Date.now() / 1000;
const begun = seconds();
const acts = { control: [], candidates: [], feedback: [] };
const run = { state: "training", since: begun, frames: 4_010_007, updates: 8_256, cycle: 59 };
const events = [
  { seq: 1, time: begun - 500, kind: "started", payload: { frames: 0 } },
  { seq: 2, time: begun - 30, kind: "cycle", payload: { cycle: 58, accepted: 16 } },
  { seq: 3, time: begun - 29, kind: "saved", payload: { checkpoint: "checkpoint-000000236.safetensors", frames: 3_990_112 } },
];
const rows = [];
for (let at = 0; at < 400; at += 1) rows.push(makeRow(at));

function makeRow(at) {
  const done = at / 400;
  const noise = () => (random() - 0.5) * 0.08;
  return {
    frames: Math.round(done * run.frames), updates: Math.round(done * 8_256), cycle: Math.round(done * 59), wall_s: 514 * done, train_s: 430 * done, compile_s: 37.2,
    solve_rate: Math.min(1, Math.max(0, 0.2 + 0.45 * (1 - Math.exp(-3 * done)) + noise())),
    heldout_solve_rate: at % 20 ? null : Math.min(1, 0.15 + 0.5 * (1 - Math.exp(-2 * done)) + noise()),
    return_mean: 0.2 + 0.4 * done + noise(), loss_value: 0.012 * Math.exp(-2 * done) * (1 + noise()), loss_policy: 0.5 * Math.exp(-done) * (1 + noise()),
    loss_reward: 0.003 * Math.exp(-2 * done) * (1 + noise()), gradient_norm: 0.04 * (1 + 3 * noise()), policy_entropy: 1.09 - 0.6 * done + noise(),
    frames_per_s: 9_000 * (1 + 3 * noise()), pool: Math.min(256, 1 + 16 * done * 30), median_path: 5 + 12 * done,
  };
}
const toColumns = (list) => Object.fromEntries(Object.keys(rows[0]).map((name) => [name, list.map((row) => row[name])]));

const summary = (name = "seed0") => ({
  name, preset: "demo", curriculum: "poet", seed: Number(name.at(-1)) || 0, state: name === "seed0" ? run.state : name === "fresh" ? "compiling" : "finished",
  doing: name === "fresh" ? "compiling train" : run.state === "training" ? "training, stretch 3 of 4" : run.state, since: name === "fresh" ? begun : run.since,
  state_age_s: seconds() - run.since, is_live: name === "seed0" || name === "fresh", started: begun - 520, modified: seconds(),
  frames: name === "fresh" ? 0 : run.frames, updates: name === "fresh" ? 0 : run.updates, cycle: name === "fresh" ? 0 : run.cycle, frames_per_s: name === "fresh" ? null : 7_752.1, replay_ratio: name === "fresh" ? null : 0.51,
  solve_rate: name === "fresh" ? null : rows.at(-1).solve_rate, solve_points: name === "fresh" ? 0 : 10, solve_mean: name === "fresh" ? null : 0.62, solve_low: name === "fresh" ? null : 0.55, solve_high: name === "fresh" ? null : 0.69,
  pool: name === "fresh" ? null : 256, worlds_accepted: WORLDS, worlds_rejected: 6_645, wall_s: name === "fresh" ? null : 513.9, compile_s: name === "fresh" ? null : 37.2,
  seconds_left: name === "seed0" ? 58 : null, budget: { minutes: 10, frames: null, closing_s: 50 }, has_pool: true, error: null,
  files: { metrics: true, worlds: true, episodes: true, ledger: true, evaluation: true, report: false, status: true },
});

function card(id) {
  const { columns } = lineage;
  const chance = makeRandom(id)();
  const left = columns.left[id];
  return {
    id, cycle: columns.cycle[id], frames: columns.cycle[id] * 66_000, verdict: "accepted", operator: lineage.operators[columns.operator[id]], parents: columns.parent[id] < 0 ? [] : [columns.parent[id]],
    score: chance, qd: columns.qd[id], shortest_path: columns.path[id], specialist_score: null, is_living: left < 0, left_cycle: left < 0 ? null : left, solve_rate: chance,
    normalised_return: chance * 0.9, learnability: chance * (1 - chance), age: (left < 0 ? 59 : left) - columns.cycle[id], children: columns.parent.filter((one) => one === id).length, episodes: id % 7 ? 2 : 0,
  };
}

const words = (id) => ({
  layout: ["rooms and corridors, about a quarter of it walls"], entities: id % 2 ? ["one patrol that sets out to the right"] : [],
  physics: id % 3 ? [] : ["the ground is slippery: the legs grip with 200 of 256"], reward: ["the goal pays 1"], rules: id % 5 ? [] : ["in turns of 7 steps: left and right swap"],
});

function checkDrawing(drawing, id = 1) {
  const way = findWay(drawing);
  const keys = way ? keysOf(drawing, way) : "";
  const played = play(drawing, keys);
  return {
    is_valid: true, problem: null, drawing, words: words(id), text: `step_limit = ${drawing.step_limit}\n\n${drawing.tiles.join("\n")}\n`, solvable: way !== null, solve_rate: way ? 1 : 0,
    shortest_path: way ? keys.length : null, plan: played.trace.actions, trace: way ? played.trace : null, optimal_return: way ? 1 : 0, is_deterministic: true, states: 812, is_exact: true,
  };
}

function readLevel(text) {
  const lines = text.split("\n").filter((line) => line.trim() && !/^\s*\w[\w\s-]*=/.test(line));
  const find = (symbols) => lines.flatMap((line, row) => [...line].flatMap((symbol, column) => (symbols.includes(symbol) ? [[row, column]] : [])));
  const [agents, goals] = [find(">v<^"), find("G")];
  if (agents.length !== 1) return { problem: `Invalid level: agent must be shown exactly once, by one of >v<^ and not ${agents.length} times.` };
  if (goals.length !== 1) return { problem: `Invalid level: goal must be shown exactly once, by G and not ${goals.length} times.` };
  const [[row, column]] = agents;
  const opponents = find("HVC").map((at) => ({ kind: lines[at[0]][at[1]] === "C" ? "chaser" : "patrol", at, heading: 0 }));
  return { drawing: { tiles: lines.map((line) => line.replace(/[>v<^HVC]/g, ".")), start: [row, column], heading: ">v<^".indexOf(lines[row][column]), goal: goals[0], opponents, step_limit: 250 } };
}

const setting = (name, kind, least, most, fallback) => ({ name, kind, least, most, default: fallback });
const NAMES = "floor,wall,goal,key,door,trap,open door,lava,ice,teleporter,button,gate,coin,box,decoy,one-way right,one-way down,one-way left,one-way up,conveyor right,conveyor down,conveyor left,conveyor up".split(",");
const vocabulary = {
  tiles: [...".#GKDT'~_O!|$B?)u(n]U[A"].map((symbol, at) => ({ symbol, name: NAMES[at] })), agents: ">v<^",
  opponents: [["H", "patrol setting out to the right"], ["V", "patrol setting out downwards"], ["C", "chaser"]].map(([symbol, name]) => ({ symbol, name })),
  settings: [
    setting("step_limit", "whole", 1, 32767, 250), setting("dense", "share", 0, 1, 0), setting("gravity", "pair", -16, 16, [0, 0]),
    setting("friction", "whole", 0, 256, 256), setting("slip", "share", 0, 1, 0), setting("honeypot", "switch", null, null, false), setting("rules", "rules", null, null, []),
  ],
  triggers: [{ text: "in turns of 7 steps", meaning: "for 7 steps of each 14" }, { text: "with the key", meaning: "while the agent holds a key" }],
  effects: [{ text: "left and right swap", meaning: "turns go the other way" }, { text: "time runs at half speed", meaning: "every other step is lost" }], examples: ["in turns of 7 steps: left and right swap"],
  largest_side: 64, default_level: "step_limit = 60\n\n>.K#...\n..#D...\n..#..~.\n...#..G\n",
};

const headOf = ({ drawing, trace, ...head }) => head;
const episodesOf = (world) => (world % 7 ? [0, 1].map((at) => makeEpisode(world * 2 + at + 1, world)) : []);
const fail = (status, code, message) => ({ status, body: { error: { code, message, details: [] } } });

function answer(method, path, query, body) {
  const [, , , root, name, part, id, extra] = path.split("/").map(decodeURIComponent);
  if (root === "runs" && !name) return { runs: ["fresh", "seed0", "seed1", "seed2"].map(summary) };
  if (root === "vocabulary") return vocabulary;
  if (root === "check") {
    const read = readLevel(body.level ?? "");
    const none = { drawing: null, words: null, text: null, solvable: null, solve_rate: null, shortest_path: null, plan: null, trace: null, optimal_return: null, is_deterministic: null, states: null, is_exact: null };
    return read.problem ? { is_valid: false, problem: { message: read.problem, line: 1, column: 1 }, ...none } : checkDrawing(read.drawing);
  }
  if (root === "play") {
    const drawing = body.level ? readLevel(body.level).drawing : makeDrawing(body.world);
    const played = play(drawing, body.keys);
    const from = Math.min(body.from ?? 0, played.steps);
    const { trace } = played;
    for (const column of ["position", "heading", "actions", "reward"]) trace[column] = trace[column].slice(from);
    trace.opponents = trace.opponents.map((moments) => moments.slice(from));
    trace.changes = trace.changes.filter(([when]) => when >= from);
    return { drawing, trace, from, is_over: played.isOver, is_solved: played.isSolved, total: played.total, steps: played.steps, outcome: played.isSolved ? "solved" : `not over after ${played.steps} steps`, rules_in_force: [] };
  }
  if (root === "compare") return compare(query.getAll("runs"), query.get("names").split(","));
  if (root !== "runs" || !["fresh", "seed0", "seed1", "seed2"].includes(name)) return fail(404, "not_found", `There is no run '${name}'. Look at /api/v1/runs.`);
  const isFresh = name === "fresh";
  if (!part) return { ...summary(name), cursors: { rows: "r1", worlds: "w1", episodes: "e1", events: "v1" } };
  if (method === "POST") return take(part, body);
  if (part === "metrics") return { columns: isFresh ? Object.fromEntries(Object.keys(rows[0]).map((one) => [one, []])) : toColumns(rows), names: Object.keys(rows[0]), rows: rows.length, is_sampled: false, is_estimate: false, cursor: "r1", reset: false };
  if (part === "worlds" && id === undefined) return listWorlds(query, isFresh);
  if (part === "worlds" && Number(id) >= WORLDS) return fail(404, "not_found", `There is no world ${id} in run '${name}'.`);
  if (part === "worlds" && extra === "oracle") return checkDrawing(makeDrawing(Number(id)), Number(id));
  if (part === "worlds") return worldDetail(Number(id));
  if (part === "levels") return { levels: query.get("ids").split(",").map(Number).map((one) => ({ id: one, drawing: makeDrawing(one), words: words(one), text: checkDrawing(makeDrawing(one)).text })), missing: [] };
  if (part === "episodes" && id === "latest") return { episodes: query.get("worlds").split(",").map(Number).flatMap((one) => episodesOf(one).slice(-1)) };
  if (part === "episodes" && id) return makeEpisode(Number(id), Math.floor((Number(id) - 1) / 2));
  if (part === "lineage") return isFresh ? { ...lineage, columns: Object.fromEntries(Object.keys(lineage.columns).map((one) => [one, []])), transfers: { cycle: [], specialist: [], helped: [], gain: [], merged: [] }, takeovers: { cycle: [], specialist: [], source: [], gain: [], taken: [] } } : lineage;
  if (part === "retention") return isFresh ? { world: [], cycle: [], frames: [], solved: [], untrained: [], left: [] } : retention();
  if (part === "evaluation") return { suites: isFresh ? [] : ["heldout-v2", "public-mazes-v1"].map(suite), left_out: [] };
  if (part === "safety") return safety(isFresh);
  if (part === "events") return { events: isFresh ? [] : events.slice(-Number(query.get("limit") ?? 200)), cursor: "v1", reset: false };
  if (part === "acts") return acts;
  return fail(404, "not_found", `There is nothing at ${path}.`);
}

function listWorlds(query, isFresh) {
  const [size, page, sort] = [Number(query.get("size") ?? 48), Number(query.get("page") ?? 0), query.get("sort") ?? "id"];
  const search = (query.get("search") ?? "").toLowerCase();
  let all = isFresh ? [] : lineage.columns.id.map(card);
  if (query.get("living") === "true") all = all.filter((one) => one.is_living);
  if (search) all = all.filter((one) => String(one.id) === search || one.operator.includes(search) || one.verdict.includes(search));
  const key = (one) => (sort === "difficulty" ? 1 - one.solve_rate : one[sort]);
  all.sort((a, b) => (key(a) - key(b)) * (query.get("order") === "desc" ? -1 : 1));
  return { total: all.length, page, size, worlds: all.slice(page * size, (page + 1) * size) };
}

function worldDetail(id) {
  const chance = makeRandom(id);
  const looks = Array.from({ length: 12 }, (_, at) => at);
  const cycles = looks.map((at) => card(id).cycle + at * 3);
  return {
    card: { ...card(id), genome: "0123456789abcdef".repeat(8), level: null },
    scores: { cycle: cycles, frames: cycles.map((one) => one * 66_000), solve_rate: looks.map((at) => Math.min(1, 0.2 + at * 0.06 + chance() * 0.1)), normalised_return: looks.map((at) => Math.min(1, 0.15 + at * 0.05 + chance() * 0.1)), episodes: looks.map(() => 16) },
    looks: { cycle: [], frames: [], solve_rate: [], untrained: [], episodes: [] }, trials: [], honeypots: [], transfers: id % 4 ? [] : [{ cycle: 12, specialist: id, helped: 3, gain: 0.21, merged: true, source: null }], takeovers: id % 4 ? [] : [{ cycle: 13, specialist: id, source: 3, helped: id, gain: 0.2, merged: true }],
    retirement: null, parents: card(id).parents.map(card), children: lineage.columns.parent.flatMap((one, at) => (one === id ? [card(at)] : [])).slice(0, 20), feedback: acts.feedback.filter((one) => one.world === id), episodes: episodesOf(id).map(headOf).reverse(),
  };
}

function retention() {
  const chance = makeRandom(8);
  const world = Array.from({ length: 24 }, (_, at) => at * 9 + 2);
  const cycle = Array.from({ length: 20 }, (_, at) => at * 3);
  const solved = cycle.map((_, look) => world.map((_world, at) => (at > look * 1.3 + 1 ? null : Math.min(1, Math.max(0, 0.3 + 0.04 * (look - at * 0.7) + (chance() - 0.5) * 0.3 - (at === 3 && look > 12 ? 0.6 : 0))))));
  return { world, cycle, frames: cycle.map((one) => one * 66_000), solved, untrained: world.map(() => chance() * 0.2), left: world.map((_, at) => (at % 4 ? null : 30 + at)) };
}

const suite = (name) => ({
  suite: name, suite_hash: "9f2c11d0a7b34e55", step_limit: 250, episodes: 20, levels: 64, budget: null,
  policies: { random: { solve_rate: 0.21, low: 0.19, high: 0.24, cvar_10: 0, return_mean: 0.2 }, trained: { solve_rate: 0.63, low: 0.59, high: 0.68, cvar_10: 0.12, return_mean: 0.58 }, untrained: { solve_rate: 0.23, low: 0.2, high: 0.26, cvar_10: 0.01, return_mean: 0.21 } },
});

function safety(isFresh) {
  const rule = { least: 0.5, margin: 0.1 };
  if (isFresh) return { rule, honeypots: [], incidents: [], updates_skipped: 0, events: [] };
  const honeypots = [12, 40, 77, 120].map((world, at) => ({ world, cycle: 20 + 8 * at, frames: 1_300_000 + at * 500_000, training: 0.4 + 0.15 * at, evaluation: at === 3 ? 0.2 : 0.5 + 0.1 * at, episodes: 16, is_incident: at === 3 }));
  return { rule, honeypots, incidents: honeypots.slice(3), updates_skipped: 0, events: [{ seq: 90, time: begun - 60, kind: "incident", payload: { world: 120, training: 0.85, evaluation: 0.2 } }] };
}

function compare(runs, names) {
  const x = Array.from({ length: 60 }, (_, at) => at * 66_000);
  const curve = (shift) => x.map((_, at) => Math.min(1, 0.2 + shift + 0.4 * (1 - Math.exp(-at / 20))));
  const series = Object.fromEntries(names.map((name) => [name, { mean: curve(0), low: runs.length > 1 ? curve(-0.05) : curve(0).map(() => null), high: runs.length > 1 ? curve(0.05) : curve(0).map(() => null), runs: x.map(() => runs.length) }]));
  return { by: "frames", names, groups: [{ name: "demo", runs, x, series }], runs: {}, settings: [{ name: "learning.batch", values: Object.fromEntries(runs.map((one, at) => [one, at ? 512 : 256])) }] };
}

function take(part, body) {
  const act = { id: [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join(""), time: seconds(), by: "", note: "", reason: "", genome: null, level: null, episode: null, state: "waiting", outcome: null, ...body };
  acts[part]?.push(act);
  setTimeout(() => settle(part, act), 1_500);
  broadcast({ type: "acts", run: "seed0" });
  return { status: 201, body: act };
}

function settle(part, act) {
  act.state = "done";
  const payload = part === "control" ? { id: act.id, act: act.act } : part === "candidates" ? { id: act.id, cycle: 60, world: 12, verdict: "accepted", reason: "" } : { id: act.id, world: act.world };
  act.outcome = { seq: events.length + 1, time: seconds(), kind: { control: "act", candidates: "candidate", feedback: "feedback" }[part], payload };
  events.push(act.outcome);
  if (part === "control" && act.act !== "save") Object.assign(run, { state: { pause: "paused", resume: "training", stop: "stopped" }[act.act], since: seconds() });
  broadcast({ type: "events", run: "seed0", events: [act.outcome], cursor: `v${events.length}`, reset: false });
  broadcast({ type: "acts", run: "seed0" });
  broadcast({ type: "now", run: "seed0", now: summary() });
  broadcast({ type: "runs", runs: ["fresh", "seed0", "seed1", "seed2"].map(summary) });
}

const server = createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  let text = "";
  request.on("data", (part) => (text += part));
  request.on("end", () => {
    if (!url.pathname.startsWith("/api/")) return sendFile(url.pathname, request.headers["accept-encoding"] ?? "", response);
    const result = answer(request.method, url.pathname, url.searchParams, text ? JSON.parse(text) : {});
    const [status, body] = result.status && result.body ? [result.status, result.body] : [200, result];
    response.writeHead(status, { "Content-Type": "application/json" });
    return response.end(JSON.stringify(body));
  });
});

function sendFile(path, accepted, response) {
  let file = join(STATIC, normalize(path));
  if (!file.startsWith(STATIC) || !extname(file) || !existsSync(file)) file = join(STATIC, "index.html");
  const isPacked = accepted.includes("gzip") && existsSync(`${file}.gz`);
  response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream", "Content-Security-Policy": POLICY, ...(isPacked ? { "Content-Encoding": "gzip" } : {}) });
  response.end(readFileSync(isPacked ? `${file}.gz` : file));
}

const sockets = new WebSocketServer({ server, path: "/api/v1/live" });
const broadcast = (message) => sockets.clients.forEach((client) => client.send(JSON.stringify(message)));
sockets.on("connection", (socket) => {
  socket.send(JSON.stringify({ type: "hello", version: 1, heartbeat_s: 15 }));
  socket.on("message", (data) => socket.send(JSON.stringify({ type: "done", id: JSON.parse(String(data)).id })));
});
setInterval(() => {
  if (run.state !== "training") return;
  run.frames += 15_504;
  run.updates += 32;
  const row = { ...makeRow(400), frames: run.frames, wall_s: 514 + seconds() - begun, train_s: 430 + 0.8 * (seconds() - begun) };
  rows.push(row);
  broadcast({ type: "rows", run: "seed0", columns: toColumns([row]), cursor: `r${rows.length}`, reset: false });
  broadcast({ type: "now", run: "seed0", now: summary() });
}, 2_000);
server.listen(Number(options.port), "127.0.0.1", () => console.log(`mock on http://127.0.0.1:${options.port}`));

/** Worlds, episodes and a lineage that look like a run's, made up from a seed. */

export function makeRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const STEP = [[0, 1], [1, 0], [0, -1], [-1, 0]];

/** A maze with some things in it. */
export function makeDrawing(id) {
  const random = makeRandom(id * 7 + 3);
  const size = 7 + 2 * Math.floor(random() * 4);
  const rows = Array.from({ length: size }, () => Array.from({ length: size }, () => "."));
  for (let row = 0; row < size; row += 1) for (let column = 0; column < size; column += 1) if (random() < 0.24) rows[row][column] = "#";
  for (const symbol of ["~", "_", "T", "$", "K", "O", "O", "]", "?", "B", "!"]) {
    if (random() < 0.4) rows[Math.floor(random() * size)][Math.floor(random() * size)] = symbol;
  }
  const start = [Math.floor(random() * size), 0];
  const goal = [Math.floor(random() * size), size - 1];
  rows[start[0]][start[1]] = ".";
  rows[goal[0]][goal[1]] = "G";
  const opponents = random() < 0.4 ? [{ kind: random() < 0.5 ? "patrol" : "chaser", at: [Math.floor(size / 2), Math.floor(size / 2)], heading: 0 }] : [];
  for (const { at } of opponents) rows[at[0]][at[1]] = ".";
  return { tiles: rows.map((row) => row.join("")), start, heading: Math.floor(random() * 4), goal, opponents, step_limit: 4 * size };
}

const isFree = (drawing, [row, column]) => {
  const symbol = drawing.tiles[row]?.[column];
  return symbol !== undefined && !"#~T?B".includes(symbol);
};

/** Cells of the shortest way, or null. */
export function findWay(drawing) {
  const before = new Map([[String(drawing.start), null]]);
  const queue = [drawing.start];
  for (const cell of queue) {
    if (String(cell) === String(drawing.goal)) {
      const way = [];
      for (let at = cell; at; at = before.get(String(at))) way.unshift(at);
      return way;
    }
    for (const [down, across] of STEP) {
      const next = [cell[0] + down, cell[1] + across];
      if (isFree(drawing, next) && !before.has(String(next))) {
        before.set(String(next), cell);
        queue.push(next);
      }
    }
  }
  return null;
}

/** Key letters that go a way. */
export function keysOf(drawing, way) {
  let heading = drawing.heading;
  let keys = "";
  for (let at = 1; at < way.length; at += 1) {
    const wanted = STEP.findIndex(([down, across]) => way[at - 1][0] + down === way[at][0] && way[at - 1][1] + across === way[at][1]);
    const turns = (wanted - heading + 4) % 4;
    keys += turns === 3 ? "L" : "R".repeat(turns);
    heading = wanted;
    keys += "F";
  }
  return keys;
}

const NAMES = { L: "turn left", R: "turn right", F: "forward" };

/** What comes of these keys. */
export function play(drawing, keys) {
  let [position, heading] = [drawing.start, drawing.heading];
  const trace = { position: [position], offset: null, heading: [heading], has_key: [], is_open: [], changes: [], opponents: [], actions: [], reward: [] };
  trace.opponents = drawing.opponents.map(({ at }) => [[...at, 0]]);
  let isSolved = false;
  for (const key of keys.slice(0, drawing.step_limit)) {
    const moment = trace.actions.length + 1;
    if (key === "L") heading = (heading + 3) % 4;
    else if (key === "R") heading = (heading + 1) % 4;
    else {
      const next = [position[0] + STEP[heading][0], position[1] + STEP[heading][1]];
      const symbol = drawing.tiles[next[0]]?.[next[1]];
      if (symbol !== undefined && symbol !== "#" && symbol !== "B") position = next;
      if (symbol === "$" || symbol === "K") trace.changes.push([moment, next[0], next[1], "."]);
      if (symbol === "K" && !trace.has_key.length) trace.has_key.push(moment);
    }
    isSolved = String(position) === String(drawing.goal);
    trace.position.push(position);
    trace.heading.push(heading);
    trace.opponents.forEach((moments, slot) => {
      const [row, column] = drawing.opponents[slot].at;
      moments.push([row, column + [0, 1, 1, 0, -1, -1][moment % 6] * 1, moment % 6 < 3 ? 0 : 2]);
    });
    trace.actions.push(NAMES[key]);
    trace.reward.push(isSolved ? 1 : 0);
    if (isSolved || "~T?".includes(drawing.tiles[position[0]]?.[position[1]])) break;
  }
  const steps = trace.actions.length;
  return { trace, isSolved, steps, total: isSolved ? 1 : 0, isOver: isSolved || steps >= drawing.step_limit || "~T?".includes(drawing.tiles[position[0]]?.[position[1]]) };
}

/** An episode of an agent that strays now and then. */
export function makeEpisode(id, world) {
  const drawing = makeDrawing(world);
  const random = makeRandom(id + 99);
  const way = findWay(drawing);
  let keys = way ? keysOf(drawing, way) : "";
  if (!way || random() < 0.3) keys = Array.from({ length: 30 }, () => "LRFFF"[Math.floor(random() * 5)]).join("");
  const { trace, isSolved, steps, total } = play(drawing, keys);
  return { id, world, cycle: 40 + (id % 20), frames: 4_000_000 + id, player: id % 9 ? "generalist" : "specialist", is_solved: isSolved, total, steps, drawing, trace };
}

const OPERATORS = ["seed", "open wall", "close wall", "move goal", "add lava", "add ice", "flip bits", "cross", "reverse left and right", "add patrol"];
const VERDICTS = ["accepted", "too hard", "too easy", "not chosen", "unsolvable"];

/** A tree of `size` accepted worlds over cycles. */
export function makeLineage(size, cycles) {
  const random = makeRandom(5);
  const columns = { id: [], cycle: [], parent: [], parent2: [], verdict: [], path: [], qd: [], operator: [], left: [] };
  const living = [];
  const retired = { world: [], cycle: [] };
  for (let at = 0; at < size; at += 1) {
    const cycle = Math.floor((at / size) * cycles);
    const parent = at < 3 ? -1 : living[Math.floor(random() ** 0.5 * living.length)];
    columns.id.push(at);
    columns.cycle.push(cycle);
    columns.parent.push(parent);
    columns.parent2.push(random() < 0.1 && at > 10 ? Math.floor(random() * at) : -1);
    columns.verdict.push(0);
    columns.path.push(4 + Math.floor(random() * (6 + (30 * at) / size)));
    columns.qd.push(random());
    columns.operator.push(parent < 0 ? 0 : 1 + Math.floor(random() * (OPERATORS.length - 1)));
    columns.left.push(-1);
    living.push(at);
    if (living.length > 256) {
      const [gone] = living.splice(Math.floor(random() * 120), 1);
      columns.left[gone] = cycle + 1;
      retired.world.push(gone);
      retired.cycle.push(cycle + 1);
    }
  }
  const transfers = { cycle: [], specialist: [], helped: [], gain: [], merged: [] };
  for (let cycle = 2; cycle < cycles; cycle += 3) {
    transfers.cycle.push(cycle);
    transfers.specialist.push(Math.floor((random() * size * cycle) / cycles));
    transfers.helped.push(random() < 0.7 ? Math.floor((random() * size * cycle) / cycles) : -1);
    transfers.gain.push(random() * 0.3);
    transfers.merged.push(random() < 0.4);
  }
  const takeovers = { cycle: [], specialist: [], source: [], gain: [], taken: [] };
  for (let cycle = 3; cycle < cycles; cycle += 5) {
    takeovers.cycle.push(cycle);
    takeovers.specialist.push(Math.floor((random() * size * cycle) / cycles));
    takeovers.source.push(random() < 0.5 ? Math.floor((random() * size * cycle) / cycles) : -1);
    takeovers.gain.push(random() * 0.3);
    takeovers.taken.push(random() < 0.3);
  }
  return { columns, verdicts: VERDICTS, operators: OPERATORS, retired, transfers, takeovers, cursor: "l1", is_more: false, reset: false };
}

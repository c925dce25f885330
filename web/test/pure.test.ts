import { describe, expect, it } from "vitest";
import { withQuery } from "../src/api/client";
import { Live, type Wire } from "../src/api/live";
import type { Drawing, LineageAnswer, Trace } from "../src/api/types";
import { pictureCsv, pictureSvg, toCsv } from "../src/core/export";
import { digits, duration, percent, short, spoken } from "../src/core/format";
import { memoryCsv, memorySvg, rankMemory } from "../src/core/memory";
import { readNext, zoomNext } from "../src/core/reading";
import { formatPlace, parsePlace } from "../src/core/router";
import { append, beyond, smooth, splitTime, thin } from "../src/core/series";
import { momentAt, tilesAt } from "../src/draw/moment";
import { levelOf, put, readDraft, resize, writeDraft } from "../src/editor/level";
import { showAll, widen, zoom } from "../src/lineage/camera";
import { findWorlds, joinLineage, layOut, readAll } from "../src/lineage/layout";
import { marksOf, takeoversCsv, transfersCsv } from "../src/lineage/trials";
import { lookOf } from "../src/ui/looks";
import { joinTrace } from "../src/views/play";

describe("addresses", () => {
  it("come back as what they were made from", () => {
    expect(parsePlace(formatPlace("a run/ü", "worlds", 12))).toEqual({ view: "worlds", run: "a run/ü", world: 12 });
    expect(parsePlace("/runs/x")).toEqual({ view: "now", run: "x" });
  });
  it("of nothing are told as such", () => {
    for (const path of ["/runs/x/nowhere", "/runs/x/worlds/-1", "/runs/x/now/2", "/%E0%A4%A", "/elsewhere"])
      expect(parsePlace(path)).toEqual({ view: "missing", path });
  });
});

describe("names of metrics", () => {
  it("are words, and abbreviations in capitals", () => {
    expect(["heldout_solve_rate", "frames_per_s", "annecs", "qd_frontier", "loss_ewc"].map(spoken)).toEqual([
      "held-out solve rate", "frames/s", "ANNECS", "QD frontier", "loss EWC",
    ]);
  });
});

describe("columns", () => {
  it("grow by what is new and keep gaps", () => {
    const joined = append({ frames: [1, 2], a: [5, 6] }, { frames: [2, 3], b: [7, 8] });
    expect(joined).toEqual({ frames: [1, 2, 3], a: [5, 6, null], b: [null, null, 8] });
  });
  it("keep what came while an answer was under way, and let go of what it holds", () => {
    const came = { frames: [4, 5, 6], a: [40, 50, 60] };
    const answer = { frames: [1, 5], a: [10, 50] };
    expect(beyond(answer, came)).toEqual({ frames: [6], a: [60] });
    expect(append(answer, beyond(answer, came))).toEqual(append(answer, came));
    expect(beyond({ frames: [] }, came)).toEqual(came);
  });
  it("smooth to the mean of what came before", () => {
    expect(smooth([1, null, 3], 0.5)).toEqual([1, null, (0.25 * 1 + 0.5 * 3) / 0.75]);
  });
  it("are thinned to their ends and what lies evenly between", () => {
    expect(thin({ x: [0, 1, 2, 3, 4, 5, 6] }, 3)).toEqual({ x: [0, 3, 6] });
  });
  it("split time by the rate of each row", () => {
    const columns = { wall_s: [3, 6], train_s: [2, 4.5], compile_s: [8, 9] };
    expect(splitTime(columns)).toEqual({ training: 4.5, rest: 1.5, compiling: 9 });
    expect(splitTime(columns, true)).toEqual({ training: 2.5, rest: 0.5, compiling: 1 });
    expect(splitTime({ wall_s: [3, 6], compile_s: [8, 9] })).toEqual({ training: null, rest: 6, compiling: 9 });
  });
});

describe("lines of a chart", () => {
  it("differ in colour or dash, 36 of them, and neighbours in both", () => {
    const looks = Array.from({ length: 36 }, (_, at) => lookOf(at));
    expect(new Set(looks.map((one) => JSON.stringify(one))).size).toBe(36);
    looks.slice(1).forEach((one, at) => {
      expect(one.tone).not.toBe(looks[at]?.tone);
      expect(one.dash).not.toEqual(looks[at]?.dash);
    });
  });
});

describe("keys in a chart", () => {
  it("read its points, from the last on, and stop at its ends", () => {
    expect(["ArrowLeft", "ArrowRight", "Home", "End", "x"].map((key) => readNext(key, null, 50, false))).toEqual([48, 49, 0, 49, null]);
    expect([readNext("ArrowLeft", 3, 50, true), readNext("ArrowRight", 3, 50, true), readNext("ArrowRight", 0, 0, false)]).toEqual([0, 8, null]);
  });
  it("zoom about the point that is read, and out again to all that there is", () => {
    const closer = zoomNext("+", [0, 1_000], 400, 1_000);
    expect(closer).toEqual({ from: 200, to: 700 });
    expect(zoomNext("-", [200, 700], 400, 1_000)).toEqual({ from: null, to: null });
    expect(zoomNext("-", [500, 600], 600, 1_000)).toEqual({ from: 400, to: 600 });
    expect([zoomNext("f", [5, 6], 5, 9), zoomNext("a", [5, 6], 5, 9)]).toEqual([{ from: null, to: null }, null]);
  });
});

describe("words", () => {
  it("are short", () => {
    expect([short(4_010_007), short(0.00123), percent(0.625, 1), duration(3_725)]).toEqual(["4.01 M", "0.00123", "62.5\u00a0%", "1\u00a0h 2\u00a0min"]);
    expect([digits(5_100_000), digits(-2e9), digits(4_321), digits(0.00001), digits(3e15)]).toEqual(["5.1 M", "-2 G", "4,321", "1.0e-5", "3.0e+15"]);
    expect([short(null), percent(undefined)]).toEqual(["–", "–"]);
  });
});

describe("exports", () => {
  it("quote what a spreadsheet would run or split", () => {
    expect(toCsv(["a", "=b"], [[1, null], ["x,y", '"']])).toBe('a,\'=b\n1,"x,y"\n,""""\n');
  });
  it("hold every number of a chart, and escape its words", () => {
    const picture = { title: "a <b>", across: "frames", x: [0, 1], lines: [{ name: "y", colour: "#000000", values: [1, 2], low: [0, 1], high: [2, 3] }] };
    expect(pictureCsv(picture)).toBe("frames [env steps],y,y low,y high\n0,1,0,2\n1,2,1,3\n");
    expect(pictureCsv({ ...picture, isShare: true })).toContain("y [share],y low [share]");
    expect(pictureSvg(picture)).toContain("a &lt;b&gt;");
    expect(pictureSvg(picture)).not.toContain("NaN");
  });
});

describe("what is remembered", () => {
  const data = { world: [7, 8, 9], cycle: [1, 3, 5], frames: [10, 30, 50], solved: [[0.9, null, 0.4], [0.5, 0.6, 0.1], [0.4, 0.5, 0]], untrained: [0, 0.1, null], left: [4, null, null] };
  it("is forgotten where half was solved once, and less than half of that is now", () => {
    const ranked = rankMemory(data);
    expect(ranked.map((one) => [one.world, one.best, one.last, one.isForgotten])).toEqual([[7, 0.9, 0.4, true], [9, 0.4, 0, false], [8, 0.6, 0.5, false]]);
    expect(ranked[0]?.bestLook).toBe(0);
  });
  it("is exported look by look, unsorted, with units", () => {
    const lines = memoryCsv(data).trim().split("\n");
    expect(lines[0]).toBe("world,cycle,frames [env steps],solve_rate [share],untrained [share],left the pool [cycle]");
    expect([lines.length, lines[1], lines.at(-1)]).toEqual([9, "7,1,10,0.9,0,4", "9,5,50,0,,"]);
    expect(memorySvg(data, rankMemory(data), () => "#000000").match(/<rect x="/g)).toHaveLength(8);
  });
});

const drawing: Drawing = { tiles: ["..K", "..G"], start: [0, 0], heading: 0, goal: [1, 2], opponents: [{ kind: "patrol", at: [1, 0], heading: 0 }], step_limit: 9 };
const trace: Trace = {
  position: [[0, 0], [0, 1], [0, 2]], offset: null, heading: [0, 0, 3], has_key: [2], is_open: [], changes: [[2, 0, 2, "."]],
  opponents: [[[1, 0, 0], [1, 1, 0], [1, 0, 2]]], actions: ["forward", "forward"], reward: [0, 0.5],
};

describe("a moment of an episode", () => {
  it("lies between two steps, and turns the short way", () => {
    const half = momentAt(drawing, trace, 0.5);
    expect(half.agent).toEqual({ row: 0, column: 0.5, heading: 0 });
    expect(momentAt(drawing, trace, 1.5).agent.heading).toBe(-0.5);
    expect(half.opponents[0]).toMatchObject({ kind: "patrol", column: 0.5 });
  });
  it("shows what has changed by then", () => {
    expect([tilesAt(drawing, trace, 1)[0], tilesAt(drawing, trace, 2)[0]]).toEqual(["..K", "..."]);
    expect([momentAt(drawing, trace, 1).hasKey, momentAt(drawing, trace, 9).hasKey]).toEqual([false, true]);
  });
  it("goes on where a game was left", () => {
    const later: Trace = { ...trace, position: [[0, 2]], heading: [3], opponents: [[[1, 0, 2]]], actions: [], reward: [] };
    expect(joinTrace(trace, later, 2)).toEqual(trace);
  });
});

describe("a level's file", () => {
  const text = "step_limit = 60\nrule = always: stay\n\n>.G\n...\n";
  it("is read and written as it was", () => {
    expect(writeDraft(readDraft(text))).toBe(text);
  });
  it("keeps one agent and one goal", () => {
    const draft = put(put(readDraft(text), 1, 0, "v"), 1, 2, "G");
    expect(draft.rows).toEqual(["...", "v.G"]);
    expect(resize(draft, 1, 4).rows).toEqual(["...."]);
  });
});

const lineage = (ids: number[], parents: number[], operators: string[], codes: number[]): LineageAnswer => ({
  columns: {
    id: ids, cycle: ids.map((id) => id), parent: parents, parent2: ids.map(() => -1), verdict: ids.map(() => 0), path: ids.map(() => 5), qd: ids.map(() => null),
    operator: codes, left: ids.map(() => -1),
  },
  verdicts: ["accepted"], operators, retired: { world: [], cycle: [] }, transfers: { cycle: [], specialist: [], helped: [], gain: [], merged: [] }, takeovers: { cycle: [], specialist: [], source: [], gain: [], taken: [] }, cursor: "", is_more: false, reset: false,
});

describe("a drawing of a plain maze", () => {
  it("is a level's file, with its agent where it starts", () => {
    const maze: Drawing = { tiles: ["..#", "#.G"], start: [0, 1], heading: 1, goal: [1, 2], opponents: [], step_limit: 40 };
    expect(levelOf(maze)).toBe("step_limit = 40\n\n.v#\n#.G\n");
  });
});

describe("a query", () => {
  it("gives a list name by name, whatever is in the names, and leaves out what is empty", () => {
    expect(withQuery("/compare", { runs: ["a", "b, c"], names: "", by: "frames" })).toBe("/compare?runs=a&runs=b%2C%20c&by=frames");
  });
});

describe("the lineage", () => {
  const answer = lineage([0, 1, 2, 3], [-1, 0, 0, 1], ["seed", "add lava"], [0, 1, 1, 0]);
  it("gives the row of a world that ended to the child born after it with most descendants, and others rows of their own", () => {
    const columns = { ...answer.columns, cycle: [0, 2, 2, 3], left: [2, 9, -1, -1] };
    const tree = layOut(columns, new Set());
    expect([[...tree.row], tree.rows, [...tree.descendants]]).toEqual([[0, 0, 2, 1], 3, [3, 1, 0, 0]]);
    expect([...tree.starts]).toEqual([0, 2, 3, 4]);
    expect([...layOut({ ...columns, left: [-1, -1, -1, -1] }, new Set()).row]).toEqual([0, 1, 3, 2]);
  });
  it("marks what was tried by a cycle at the specialist's world, once however often it is told", () => {
    const tried = {
      ...answer,
      transfers: { cycle: [1, 5], specialist: [1, 2], helped: [3, -1], gain: [0.2, -1], merged: [true, false] },
      takeovers: { cycle: [2, 2], specialist: [2, 9], source: [-1, 1], gain: [0.3, 0.1], taken: [true, true] },
    };
    const tree = layOut(answer.columns, new Set());
    const row = (id: number) => tree.row[tree.place.get(id) ?? -1] as number;
    expect(marksOf(joinLineage(tried, tried), tree, 4)).toEqual([
      { kind: "transfer", cycle: 1, row: row(1), other: row(3), isTaken: true },
      { kind: "takeover", cycle: 2, row: row(2), other: null, isTaken: true },
    ]);
    expect(takeoversCsv(tried).split("\n")[1]).toBe("2,2,,0.3,1");
    expect(transfersCsv(tried).split("\n")[2]).toBe("5,2,,-1,0");
  });
  it("never draws two lives over each other", () => {
    let seed = 1;
    const draw = (most: number) => (seed = (seed * 48_271) % 2_147_483_647) % most;
    const [cycle, parent, left]: [number[], number[], number[]] = [[], [], []];
    for (let at = 0; at < 400; at += 1) {
      parent.push(at ? draw(at) : -1);
      cycle.push(at ? (cycle[parent[at] as number] as number) + draw(9) : 0);
      left.push(draw(3) ? (cycle[at] as number) + draw(12) : -1);
    }
    const ids = cycle.map((_, at) => at);
    const columns = { ...lineage(ids, parent, ["seed"], ids.map(() => 0)).columns, cycle, left };
    const tree = layOut(columns, new Set());
    const ends = new Map<number, number>();
    for (const at of tree.order) {
      const row = tree.row[at] as number;
      expect(cycle[at]).toBeGreaterThanOrEqual(ends.get(row) ?? -1);
      ends.set(row, (left[at] as number) < 0 ? Infinity : (left[at] as number));
    }
    expect(tree.rows).toBeLessThan(400);
  });
  it("hides a family that is folded up", () => {
    expect([...layOut(answer.columns, new Set([1])).row]).toEqual([0, 1, 2, -1]);
  });
  it("grows by new worlds whose codes are another message's, and learns who left", () => {
    const newer = { ...lineage([3, 4], [1, 3], ["swap", "add lava"], [0, 0]), retired: { world: [2], cycle: [9] } };
    const joined = joinLineage(answer, newer);
    expect(joined.retired.world).toEqual([2]);
    expect([joined.columns.id, joined.columns.left]).toEqual([[0, 1, 2, 3, 4], [-1, -1, 9, -1, -1]]);
    expect([joined.operators[joined.columns.operator[4] as number], findWorlds(joined, "lava"), findWorlds(joined, "4")]).toEqual(["swap", [1, 2], [4]]);
  });
  it("is read to its end, however many answers that takes, and begins anew where the run was rewound", async () => {
    const page = (id: number, isMore: boolean, reset = false) => ({ ...lineage([id], [-1], ["seed"], [0]), cursor: `c${id}`, is_more: isMore, reset });
    const asked: (string | null)[] = [];
    const shown: number[][] = [];
    const read = (pages: LineageAnswer[]) =>
      readAll(
        async (after) => (asked.push(after), pages.shift() as LineageAnswer),
        (answer) => shown.push(answer.columns.id),
      );
    await read([page(0, true), page(1, true), page(2, false)]);
    expect([asked, shown]).toEqual([[null, "c0", "c1"], [[0], [0, 1], [0, 1, 2]]]);
    await read([page(0, true), page(5, false, true)]);
    expect(shown.at(-1)).toEqual([5]);
  });
  it("keeps the point under the hand where it is while zooming", () => {
    const all = showAll({ width: 800, height: 400, cycles: 50, rows: 900 });
    const near = zoom(all, 3, 200, 100);
    expect(near.left + 200 / near.across).toBeCloseTo(all.left + 200 / all.across);
    expect(near.top + 100 / near.down).toBeCloseTo(all.top + 100 / all.down);
  });
  it("shows all of it below the buttons and within the edges", () => {
    for (const rows of [1, 30, 9_000]) {
      const extent = { width: 320, height: 400, cycles: 50, rows };
      const { left, top, across, down } = showAll(extent);
      expect(-top * down).toBeGreaterThanOrEqual(44);
      expect((rows - top) * down).toBeLessThanOrEqual(extent.height);
      expect([-left * across > 0, (extent.cycles - left) * across < extent.width]).toEqual([true, true]);
    }
  });
  it("draws a share more beyond each edge, at the same places", () => {
    const extent = { width: 800, height: 400, cycles: 50, rows: 900 };
    const near = zoom(showAll(extent), 9, 300, 100);
    const wide = widen(near, extent, 0.25);
    expect([wide.extent.width, wide.extent.height]).toEqual([1_200, 600]);
    expect((near.left - wide.camera.left) * near.across).toBeCloseTo(200);
    expect((near.top - wide.camera.top) * near.down).toBeCloseTo(100);
  });
});

describe("the live connection", () => {
  class FakeWire implements Wire {
    static all: FakeWire[] = [];
    sent: { op: string; id: number; topics?: unknown }[] = [];
    onopen: (() => void) | null = null;
    onclose: (() => void) | null = null;
    onmessage: ((event: { data: unknown }) => void) | null = null;
    constructor() {
      FakeWire.all.push(this);
    }
    send(text: string): void {
      this.sent.push(JSON.parse(text));
    }
    close(): void {}
    tell(message: unknown): void {
      this.onmessage?.({ data: JSON.stringify(message) });
    }
  }
  const start = () => {
    FakeWire.all = [];
    const live = new Live(() => new FakeWire());
    const heard: unknown[] = [];
    const stop = live.watch("a", { rows: "r0", now: null }, (message) => heard.push(message.type));
    const wire = FakeWire.all[0] as FakeWire;
    wire.onopen?.();
    wire.tell({ type: "done", id: 1 });
    return { live, heard, stop, wire };
  };
  it("asks again from the last cursor after it was lost", async () => {
    const { live, heard, wire } = start();
    wire.tell({ type: "rows", run: "a", cursor: "r7" });
    wire.onclose?.();
    expect(live.state.value).toBe("lost");
    live.hurry();
    const next = FakeWire.all[1] as FakeWire;
    next.onopen?.();
    expect(next.sent[0]?.topics).toEqual({ rows: "r7", now: null });
    expect([heard, live.returns.value]).toEqual([["rows"], 1]);
  });
  it("goes back to where messages were dropped, and says so", () => {
    const { live, wire } = start();
    wire.tell({ type: "rows", run: "a", cursor: "r9" });
    wire.tell({ type: "dropped", run: "a", topics: { rows: 2 }, resume: { rows: "r3" } });
    wire.tell({ type: "rows", run: "a", cursor: "r10" }); // of the old subscription: it must not skip what is missing
    expect(wire.sent.at(-1)?.topics).toEqual({ rows: "r3", now: null });
    wire.onclose?.();
    live.hurry();
    const next = FakeWire.all[1] as FakeWire;
    next.onopen?.();
    expect([next.sent[0]?.topics, live.dropped.value]).toEqual([{ rows: "r3", now: null }, 1]);
  });
  it("stops when nobody listens any more", () => {
    const { stop, wire } = start();
    stop();
    expect(wire.sent.at(-1)?.op).toBe("unsubscribe");
  });
});

/**
 * The one WebSocket: who watches a run says from which cursors, and gets what came since, whatever happens in between.
 * After a lost connection, or after messages that the server had to drop, it asks again from the last cursors it had.
 */
import { Cell } from "../core/cell";
import type { Cursor, Topic, Topics } from "./types";

export interface Increment {
  type: string;
  run?: string;
  cursor?: Cursor;
  reset?: boolean;
  [name: string]: unknown;
}

type Listener = (message: Increment) => void;
/** What of a WebSocket is needed here. */
export interface Wire {
  send(text: string): void;
  close(): void;
  onopen: (() => void) | null;
  onclose: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
}

interface Watch {
  topics: Topics;
  listeners: Set<Listener>;
  catchingUp: number; // id of the subscription that is not yet answered; 0: none
}

const WAITS_MS = [300, 600, 1_200, 2_500, 5_000];
const SILENCE_MS = 40_000; // the server beats every 15 s

export class Live {
  readonly state = new Cell<"connecting" | "open" | "lost">("connecting");
  /** How many times messages were dropped for us. */
  readonly dropped = new Cell(0);
  /** How many times the connection was made again. */
  readonly returns = new Cell(0);
  private readonly watches = new Map<string, Watch>();
  private wire: Wire | null = null;
  private isOpen = false;
  private tries = 0;
  private id = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly open: () => Wire) {}

  /** Messages of a run (`*`: of the list of runs) from these cursors on, until the answer is called. */
  watch(run: string, topics: Topics, listener: Listener): () => void {
    const known = this.watches.get(run);
    const watch: Watch = known ?? { topics: {}, listeners: new Set(), catchingUp: 0 };
    const isNew = Object.keys(topics).some((topic) => !(topic in watch.topics));
    watch.topics = { ...topics, ...watch.topics };
    watch.listeners.add(listener);
    this.watches.set(run, watch);
    if (!this.wire) this.connect();
    else if (isNew && this.isOpen) this.subscribe(run, watch);
    return () => {
      watch.listeners.delete(listener);
      if (watch.listeners.size || this.watches.get(run) !== watch) return;
      this.watches.delete(run);
      if (this.isOpen) this.send({ op: "unsubscribe", id: ++this.id, run });
    };
  }

  /** Try now, without waiting for the next time that is due. */
  hurry(): void {
    if (this.state.value === "lost") this.connect();
  }

  private connect(): void {
    clearTimeout(this.retry);
    const wire = (this.wire = this.open());
    wire.onopen = () => {
      if (this.wire !== wire) return;
      this.isOpen = true;
      if (this.tries) this.returns.set(this.returns.value + 1);
      this.tries = 0;
      this.state.set("open");
      for (const [run, watch] of this.watches) this.subscribe(run, watch);
      this.listenForSilence(wire);
    };
    wire.onclose = () => this.lose(wire);
    wire.onmessage = (event) => {
      this.listenForSilence(wire);
      this.take(JSON.parse(String(event.data)) as Increment & { id?: number; topics?: unknown; resume?: Topics });
    };
  }

  private lose(wire: Wire): void {
    if (this.wire !== wire) return;
    clearTimeout(this.silence);
    this.isOpen = false;
    this.state.set("lost");
    const wait = WAITS_MS[Math.min(this.tries, WAITS_MS.length - 1)];
    this.tries += 1;
    this.retry = setTimeout(() => this.connect(), wait);
  }

  private listenForSilence(wire: Wire): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      wire.close();
      this.lose(wire);
    }, SILENCE_MS);
  }

  private subscribe(run: string, watch: Watch): void {
    if (!Object.keys(watch.topics).length) return; // a view listens; the run itself asks when it knows its cursors
    watch.catchingUp = ++this.id;
    this.send({ op: "subscribe", id: this.id, run, topics: watch.topics });
  }

  private take(message: Increment & { id?: number; resume?: Topics }): void {
    if (message.type === "done" || message.type === "error") {
      for (const watch of this.watches.values()) if (watch.catchingUp === message.id) watch.catchingUp = 0;
      return;
    }
    const run = message.type === "runs" ? "*" : message.run;
    const watch = run === undefined ? undefined : this.watches.get(run);
    if (!watch || run === undefined) return;
    if (message.type === "dropped") {
      this.dropped.set(this.dropped.value + 1);
      watch.topics = { ...watch.topics, ...message.resume };
      this.subscribe(run, watch); // the answer brings what is missing and all that came after it
      return;
    }
    const topic = message.type as Topic;
    // Until the answer is there, a message may be of the old subscription, beyond what is missing. Listeners know what they have.
    if (message.cursor !== undefined && !watch.catchingUp) watch.topics[topic] = message.cursor;
    for (const listener of [...watch.listeners]) listener(message);
  }

  private send(message: unknown): void {
    this.wire?.send(JSON.stringify(message));
  }
}

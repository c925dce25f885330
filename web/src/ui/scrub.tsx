/** A clock for episodes side by side, with its scrubber: it plays, rests and is drawn by hand or by Space. */
import { useEffect, useState } from "preact/hooks";
import { animate, isCalm } from "../draw/clock";
import { Icon } from "./icons";
import { usePlayKey } from "./shortcuts";

const STEPS_PER_S = 5;
const REST_STEPS = 4; // at the end, before it starts over

export interface Clock {
  /** In steps. */
  time: number;
  length: number;
  isPlaying: boolean;
  /** Go to a step and rest there. */
  seek: (step: number) => void;
  /** Go to the beginning, and on from there if it plays. */
  restart: () => void;
  toggle: () => void;
}

export function useClock(length: number): Clock {
  const [time, setTime] = useState(0);
  const [isPlaying, setPlaying] = useState(() => !isCalm());
  const toggle = () => length > 0 && setPlaying((is) => !is);
  usePlayKey(toggle);
  useEffect(() => {
    if (!isPlaying || !length) return undefined;
    let before: number | null = null;
    return animate((seconds) => {
      const gone = before === null ? 0 : seconds - before;
      before = seconds;
      setTime((old) => (old >= length + REST_STEPS ? 0 : old + gone * STEPS_PER_S));
    });
  }, [isPlaying, length]);
  const seek = (step: number) => {
    setPlaying(false);
    setTime(step);
  };
  return { time, length, isPlaying, seek, restart: () => setTime(0), toggle };
}

export function Scrub(props: { clock: Clock }) {
  const { clock } = props;
  const step = Math.min(Math.floor(clock.time), clock.length);
  return (
    <div class="scrub">
      <button class="button" onClick={clock.toggle} aria-label={clock.isPlaying ? "Rest" : "Play"} aria-keyshortcuts="Space">
        <Icon name={clock.isPlaying ? "pause" : "play"} />
      </button>
      <label class="field">
        <span class="hidden">Step</span>
        <input type="range" min={0} max={clock.length} step={1} value={step} onInput={(event) => clock.seek(Number(event.currentTarget.value))} />
      </label>
      <span class="soft small">
        step {step} of {clock.length}
      </span>
    </div>
  );
}

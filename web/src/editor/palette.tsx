/** What can be drawn. */
import { useEffect, useRef } from "preact/hooks";
import type { Vocabulary } from "../api/types";
import { AGENTS } from "./level";
import { paintSymbol } from "./symbols";

const HEADINGS = ["right", "down", "left", "up"];

export const choicesOf = (vocabulary: Vocabulary): { symbol: string; name: string }[] => [
  ...[...AGENTS].map((symbol, at) => ({ symbol, name: `the agent, facing ${HEADINGS[at]}` })),
  ...vocabulary.tiles,
  ...vocabulary.opponents,
];

export function Palette(props: { vocabulary: Vocabulary; symbol: string; onChoose: (symbol: string) => void }) {
  return (
    <div class="palette" role="group" aria-label="What to draw">
      {choicesOf(props.vocabulary).map(({ symbol, name }) => (
        <button
          class="button"
          key={symbol}
          title={`${name} (${symbol})`}
          aria-label={name}
          aria-pressed={symbol === props.symbol}
          onClick={() => props.onChoose(symbol)}
        >
          <Picture symbol={symbol} />
        </button>
      ))}
    </div>
  );
}

function Picture(props: { symbol: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (context) paintSymbol(context, props.symbol, 0, 0, 56);
  }, [props.symbol]);
  return <canvas ref={canvas} width={56} height={56} aria-hidden="true" />;
}

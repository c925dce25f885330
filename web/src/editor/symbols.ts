/** A picture of any symbol of a map, the agent and opponents among them. */
import { agentSprite, opponentSprite, tileSprite } from "../draw/sprites";
import { AGENTS } from "./level";

export function paintSymbol(context: CanvasRenderingContext2D, symbol: string, left: number, top: number, side: number): void {
  const heading = AGENTS.indexOf(symbol);
  const isOpponent = "HVC".includes(symbol);
  context.drawImage(tileSprite(heading >= 0 || isOpponent ? "." : symbol, side), left, top);
  if (isOpponent) context.drawImage(opponentSprite(symbol === "C" ? "chaser" : "patrol", side), left, top);
  if (heading < 0) return;
  context.save();
  context.translate(left + side / 2, top + side / 2);
  context.rotate((heading * Math.PI) / 2);
  context.drawImage(agentSprite(side, false), -side / 2, -side / 2);
  context.restore();
}

/** What the canvas shows of the lineage, as a picture for papers. Pure. */
import { escape } from "../core/export";
import type { Scene } from "./paint";
import { CORNERS, marksOf } from "./trials";

const TONES = ["#00224e", "#3b496c", "#707173", "#a59c74", "#c3b369"];
const [LIVES, GONE, MARK] = ["#0072B2", "#8A8778", "#D55E00"];

export function treeSvg(scene: Scene): string {
  const { camera, extent, tree, answer, until, longest } = scene;
  const { cycle, left, path, id, verdict } = answer.columns;
  const x = (value: number) => ((value - camera.left) * camera.across).toFixed(1);
  const y = (row: number) => ((row + 0.5 - camera.top) * camera.down).toFixed(1);
  const lines: string[] = [];
  const dots: string[] = [];
  const size = Math.min(6, Math.max(0.8, camera.down * 0.32));
  for (const at of tree.order) {
    const [born, row] = [cycle[at] as number, tree.row[at] as number];
    if (born > until) continue;
    const above = tree.parent[at] as number;
    if (above >= 0 && (tree.row[above] as number) >= 0)
      lines.push(`<path d="M${x(cycle[above] as number)} ${y(tree.row[above] as number)}L${x(born)} ${y(row)}" stroke="#C9CDD6"/>`);
    const end = (left[at] as number) >= 0 && (left[at] as number) <= until ? (left[at] as number) : null;
    if (answer.verdicts[verdict[at] as number] === "accepted") {
      lines.push(`<path d="M${x(born)} ${y(row)}H${x(end ?? until)}" stroke="${end === null ? LIVES : GONE}" stroke-width="2"/>`);
      if (end !== null) dots.push(cross(Number(x(end)), Number(y(row)), Math.min(4, size)));
    }
    const share = Math.min(TONES.length - 1, Math.floor(((path[at] ?? 0) / (longest || 1)) * TONES.length));
    dots.push(`<circle cx="${x(born)}" cy="${y(row)}" r="${size.toFixed(1)}" fill="${TONES[share]}"><title>${escape(`World ${id[at]}`)}</title></circle>`);
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${extent.width} ${extent.height}" width="${extent.width}" height="${extent.height}" fill="none" font-family="sans-serif" font-size="11">
<rect width="${extent.width}" height="${extent.height}" fill="#FFFFFF"/>
${lines.join("\n")}
${dots.join("\n")}
${drawTrials(scene, x, y, size).join("\n")}
<text x="8" y="${extent.height - 6}" fill="#23272F">cycle ${Math.max(0, Math.ceil(camera.left))} at the left, ${until} at the end; a cross: extinct; a diamond: a specialist tried for the generalist, a triangle: a policy tried in a specialist’s place, filled: taken</text>
</svg>
`;
}

const cross = (x: number, y: number, arm: number): string =>
  `<path d="M${x - arm} ${y - arm}L${x + arm} ${y + arm}M${x - arm} ${y + arm}L${x + arm} ${y - arm}" stroke="#23272F" stroke-width="1.5"/>`;

function drawTrials(scene: Scene, x: (cycle: number) => string, y: (row: number) => string, size: number): string[] {
  return marksOf(scene.answer, scene.tree, scene.until).flatMap(({ kind, cycle, row, other, isTaken }) => {
    const [left, top] = [Number(x(cycle)), Number(y(row))];
    const corners = CORNERS[kind].map(([right, down]) => `${(left + right * size).toFixed(1)} ${(top + down * size).toFixed(1)}`).join("L");
    const mark = `<path d="M${corners}Z" stroke="${MARK}" stroke-width="1.5" fill="${isTaken ? MARK : "#FFFFFF"}"/>`;
    return isTaken && other !== null ? [`<path d="M${left} ${top}V${y(other)}" stroke="${MARK}" stroke-dasharray="3 3"/>`, mark] : [mark];
  });
}

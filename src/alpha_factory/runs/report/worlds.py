"""The page's worlds: their tree, pictures, films, verdicts and transfers. A run's record in, markup out."""

import base64
import io
import re
from collections import Counter
from html import escape
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from alpha_factory.records import TO_GENERALIST, TO_SPECIALIST, Transfer, WorldCard
from alpha_factory.runs.report.data import RunRecord
from alpha_factory.runs.report.results import percent
from alpha_factory.runs.report.tree import draw_tree, shade
from alpha_factory.runs.workshop.source import from_card
from alpha_factory.worlds import draw_level, to_text
from alpha_factory.worlds.levels.text import own_size

_SHOWN = 12
_PICTURE = 150  # pixels that a picture is wide or high at most, its frame left out
_LARGEST_TILE = 18
_TRANSFERS = 20
_FILMS_MB = 24
_ENDS = {"solved": "Goal reached.", "unsolved": "Goal not reached."}

_VERDICT_COLOURS = {
    "accepted": "var(--accent)",
    "too hard": "var(--series-2)",
    "too easy": "var(--series-3)",
    "not chosen": "var(--series-5)",
}
_RAMP_STOPS = 7
_AND = " + "  # between the operators of a world made by several mutations
_NAMED_MUTATIONS = 2  # more are counted in a caption
_DOT = (
    '<svg width="{side}" height="{side}" aria-hidden="true">'
    '<circle cx="{half}" cy="{half}" r="{half}" {look}/></svg>'
)


class Showcase(NamedTuple):
    """Accepted worlds with a picture on the page. No two have the same map."""

    first: list[WorldCard]  # in the order in which they were accepted
    hardest: list[WorldCard]  # of the others, those with the longest plans, longest first

    @property
    def ids(self) -> frozenset[int]:
        """Numbers of all of them."""
        return frozenset(card.id for card in [*self.first, *self.hardest])


def pick_worlds(record: RunRecord) -> Showcase:
    """Choose the worlds worth a picture."""
    maps: set[str] = set()
    first = _pick_distinct(record.accepted, maps)
    known = {card.id for card in first}
    rest = [
        card for card in record.accepted if card.id not in known and card.shortest_path is not None
    ]
    rest.sort(key=lambda card: (-(card.shortest_path or 0), card.id))
    return Showcase(first, _pick_distinct(rest, maps))


def draw_lineage(record: RunRecord, showcase: Showcase) -> str:
    """The tree of worlds with its key, and what became of all that were proposed."""
    if not record.accepted:
        return '<p class="empty">No world has been accepted yet, so there is no tree.</p>'
    tree = draw_tree(record.worlds, record.retirements, showcase.ids)
    span = tree.plans
    stops = [
        shade(span[0] + step * (span[1] - span[0]) / (_RAMP_STOPS - 1), span)[0]
        for step in range(_RAMP_STOPS)
    ]
    items = [
        f'<li>shortest plan {span[0]} <span class="ramp" style="background:linear-gradient(90deg,'
        f'{",".join(stops)})"></span> {span[1]} steps</li>'
    ]
    if record.retirements:
        mark = '<svg width="14" height="14" aria-hidden="true"><circle cx="7" cy="7" r="5.5" fill="none" '
        items.append(
            f'<li>{mark}stroke="var(--ink)" stroke-width="1.8"/></svg>lives in the pool</li>'
        )
        items.append(
            f'<li>{mark}style="fill:var(--edge);opacity:.5"/></svg>mastered or old, has left it</li>'
        )
    if tree.has_rejected:
        names = (
            ('class="hard"', "too hard"),
            ('class="easy"', "too easy"),
            ('class="other"', "rejected otherwise"),
        )
        items += [
            f"<li>{_DOT.format(side=7, half=3.5, look=look)}{name}</li>" for look, name in names
        ]
    return (
        f"<p>{escape(tree.caption)} A number is the length of the shortest plan; point at a world to see its line.</p>"
        f'<ul class="key">{"".join(items)}</ul>'
        f'<div class="panel scroll" tabindex="0" role="region" aria-label="Tree of worlds">{tree.svg}</div>'
        + _draw_verdicts(record)
    )


def draw_gallery(record: RunRecord, showcase: Showcase) -> str:
    """Pictures of accepted worlds."""
    if not showcase.first:
        return '<p class="empty">No world has been accepted yet, so there is none to show.</p>'
    parts = [
        '<p class="note">Worlds with the same map as one shown before, which differ in rules or rewards only, '
        "are left out.</p><h3>The first</h3>",
        f'<div class="worlds">{_pictures(record, showcase.first)}</div>',
    ]
    if showcase.hardest:
        parts.append("<h3>Of the others, those with the longest plans</h3>")
        parts.append(f'<div class="worlds">{_pictures(record, showcase.hardest)}</div>')
    return "".join(parts)


def draw_films(record: RunRecord, showcase: Showcase) -> str:
    """The GIFs of the run; a sentence where there are none."""
    if not record.gifs:
        return (
            '<p class="empty">No episode has been filmed yet. That happens at the end of a run.</p>'
        )
    about = (
        '<p class="note">The arrowhead is the agent, the star its goal; the tinted cells are what it sees, '
        "and dots mark where it has been.</p>"
    )
    figures, left, room = [], [], _FILMS_MB * 2**20
    for path in record.gifs:
        size = path.stat().st_size
        if size > room:
            left.append(path)
            continue
        room -= size
        figures.append(_film(path, showcase.ids))
    note = ""
    if left:
        names = ", ".join(f"<code>media/{escape(path.name)}</code>" for path in left)
        note = f'<p class="note">Left out to keep this page below {_FILMS_MB} MB: {names}.</p>'
    return f'{about}<div class="films">{"".join(figures)}</div>{note}'


def draw_transfers(record: RunRecord) -> str:
    """What went from specialists to the generalist and the other way, and what it was worth."""
    if not record.transfers:
        return '<p class="empty">No specialist has been trained yet.</p>'
    out = [one for one in record.transfers if one.direction == TO_GENERALIST]
    back = [one for one in record.transfers if one.direction == TO_SPECIALIST]
    best = sorted(record.transfers, key=lambda transfer: -transfer.gain)[:_TRANSFERS]
    which = f" The {len(best)} with the greatest gain:" if len(best) < len(record.transfers) else ""
    merged, taken = (sum(one.merged for one in some) for some in (out, back))
    others = sum(one.merged and one.source is not None for one in back)
    return (
        f"<p>{_count(len(out), 'specialist')} fine-tuned on one world each, {merged} merged into the generalist; "
        f"{taken} took over a policy that did better on their own world, {others} of these another specialist's."
        f" Gain: normalised return on the world that it helped most, less that of whom it went to.{which}</p>"
        '<div class="panel scroll narrow" tabindex="0" role="region" aria-label="Transfers"><table><thead><tr>'
        '<th scope="col" class="num">cycle</th><th scope="col">from</th><th scope="col">to</th>'
        '<th scope="col" class="num">helped on world</th><th scope="col" class="num">gain</th>'
        f'<th scope="col">passed on</th></tr></thead><tbody>{"".join(map(_transfer_row, best))}</tbody></table></div>'
    )


def _draw_verdicts(record: RunRecord) -> str:
    """A bar of all verdicts, and each operator's share of accepted worlds."""
    proposed = [card for card in record.worlds if card.parents]
    if not proposed:
        return ""
    verdicts = Counter(card.verdict for card in proposed).most_common()
    stack, items = [], []
    for verdict, count in verdicts:
        colour = _VERDICT_COLOURS.get(verdict, "var(--other)")
        stack.append(f'<span style="flex:{count};background:{colour}"></span>')
        dot = _DOT.format(side=10, half=5, look=f'style="fill:{colour}"')
        items.append(
            f"<li>{dot}{escape(verdict)} {count:,} ({percent(count / len(proposed))})</li>"
        )
    label = ", ".join(f"{verdict} {count}" for verdict, count in verdicts)
    return (
        f"<h3>What became of {_count(len(proposed), 'proposed world')}</h3>"
        f'<div class="stack" role="img" aria-label="{escape(label)}">{"".join(stack)}</div>'
        f'<ul class="key" style="margin-top:.6rem">{"".join(items)}</ul>{_draw_operators(proposed)}'
    )


def _draw_operators(proposed: list[WorldCard]) -> str:
    """Each mutation's share of accepted worlds; a world made by several counts for each of them."""
    tried: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    for card in proposed:
        names = set(card.operator.split(_AND))
        tried.update(names)
        taken.update(names if card.verdict == "accepted" else ())
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="num">{count:,}</td><td class="num">{taken[name]:,}</td>'
        f'<td class="num">{percent(taken[name] / count)}</td></tr>'
        for name, count in sorted(tried.items(), key=lambda item: (-item[1], item[0]))
    )
    note = ""
    if any(_AND in card.operator for card in proposed):
        note = '<p class="note">A world made by several mutations counts for each of them.</p>'
    return (
        '<div class="scroll" style="max-width:480px"><table><thead><tr><th scope="col">mutation</th>'
        '<th scope="col" class="num">proposed</th><th scope="col" class="num">accepted</th>'
        f'<th scope="col" class="num">share</th></tr></thead><tbody>{rows}</tbody></table></div>{note}'
    )


def _pick_distinct(cards: list[WorldCard], maps: set[str]) -> list[WorldCard]:
    """The first few cards whose maps are not among `maps`, which grows by theirs."""
    picked: list[WorldCard] = []
    for card in cards:
        if len(picked) == _SHOWN:
            break
        drawing = to_text(from_card(card).level)
        if drawing not in maps:
            maps.add(drawing)
            picked.append(card)
    return picked


def _pictures(record: RunRecord, cards: list[WorldCard]) -> str:
    return "".join(_picture(record, card) for card in cards)


def _picture(record: RunRecord, card: WorldCard) -> str:
    level = from_card(card).level
    # Twice the size at which it is shown, so that it is sharp on fine screens.
    image = draw_level(level, tile_pixels=2 * min(_PICTURE // max(own_size(level)), _LARGEST_TILE))
    width, height = image.width // 2, image.height // 2
    plan = "no plan" if card.shortest_path is None else _count(card.shortest_path, "step")
    origin = f"made by {card.operator}"
    if card.parents:
        mutations = card.operator.count(_AND) + 1
        means = card.operator if mutations <= _NAMED_MUTATIONS else f"{mutations} mutations"
        origin = f"from {' and '.join(map(str, card.parents))} by {means}"
    score = record.latest.get(card.id)
    solved = f"<br>solve rate {percent(score.solve_rate)}" if score else ""
    return (
        f'<figure id="world-{card.id}"><div><img src="{_inline_png(image)}" width="{width}" height="{height}" '
        f'alt="Map of world {card.id}, shortest plan {plan}" loading="lazy"></div>'
        f'<figcaption><b>World {card.id}: {plan}</b><span title="{escape(card.operator)}">{escape(origin)}</span>'
        f"<br>in cycle {card.cycle}{solved}"
        "</figcaption></figure>"
    )


def _film(path: Path, shown: frozenset[int]) -> str:
    content = base64.b64encode(path.read_bytes()).decode()
    with Image.open(path) as image:
        width, height = image.size
    name, _, end = path.stem.rpartition("-")
    if end not in _ENDS:
        name, end = path.stem, ""
    title = escape(name.replace("-", " ").replace("_", " "))
    if world := re.fullmatch(r"world-0*(\d+)", name):
        title = f"World {world[1]}"
        if int(world[1]) in shown:
            title = f'<a href="#world-{world[1]}">{title}</a>'
    words = re.sub("<[^>]+>", "", title)
    return (
        f'<figure><img src="data:image/gif;base64,{content}" width="{width}" height="{height}" '
        f'alt="Film of an episode in {words}. {_ENDS.get(end, "")}">'
        f"<figcaption><b>{title}</b>{_ENDS.get(end, '')}</figcaption></figure>"
    )


def _transfer_row(transfer: Transfer) -> str:
    helped = "none" if transfer.helped is None else str(transfer.helped)
    own = f"specialist of {transfer.specialist}"
    other = "generalist" if transfer.source is None else f"specialist of {transfer.source}"
    source, target = (other, own) if transfer.direction == TO_SPECIALIST else (own, "generalist")
    return (
        f'<tr><td class="num">{transfer.cycle}</td><td>{source}</td><td>{target}</td>'
        f'<td class="num">{helped}</td><td class="num">{transfer.gain:+.3f}</td>'
        f"<td>{'yes' if transfer.merged else 'no'}</td></tr>"
    )


def _inline_png(image: Image.Image) -> str:
    content = io.BytesIO()
    image.quantize(64, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"

"""The tree of worlds as SVG: who descends from whom, cycle by cycle from left to right.

Cards in, markup out. Every cycle is a column; in it a world lies as near to the height of its parent as its
neighbours leave room for. The page's script lights up a world's line when it is pointed at.
"""

import html
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from alpha_factory.records import Retirement, WorldCard

_ALL_AT_MOST = 400  # proposed worlds up to which the rejected ones are drawn, too,
_ALL_IN_A_CYCLE = 72  # unless there are more than this in a cycle
_DRAWN_AT_MOST = 500
_WIDTH = 1020  # what columns are spread over, as far as they need not be closer than this:
_CLOSEST_COLUMNS = 27
_WIDEST_COLUMNS = 180
_LARGE, _SMALL = 10.5, 3.2  # radii of accepted and of rejected worlds
_GAP = 4.0
_MARGIN, _TOP = 24.0, 40.0

# Viridis without its darkest and lightest ends: even steps of lightness, whatever colours a reader tells apart.
_SHADES = ("#46327E", "#365C8D", "#277F8E", "#1FA187", "#4AC16D", "#A0DA39", "#E2E418")
_LIGHT_FROM = 0.55  # share of the scale from which dark numbers are more legible than light ones
_VERDICT_CLASSES = {"too hard": "hard", "too easy": "easy"}


class Tree(NamedTuple):
    """A drawing, and what the page should say about it."""

    svg: str
    caption: str
    has_rejected: bool
    plans: tuple[int, int]  # shortest and longest plan among the drawn worlds, for the legend


class _Place(NamedTuple):
    x: float
    y: float


def draw_tree(
    worlds: Sequence[WorldCard], retirements: Sequence[Retirement], shown: frozenset[int]
) -> Tree:
    """Draw the worlds of a run; where they are too many, the accepted ones alone, as the caption says.

    Args:
        worlds: all that were proposed; at least one of them accepted.
        shown: ids of worlds that have a picture on the page under the anchor `world-ID`.
    """
    retired = {gone.world: gone for gone in retirements}
    drawn, caption = _choose(worlds, retired)
    cards = {card.id: card for card in drawn}
    places, columns = _lay_out(cards)
    plans = [card.shortest_path for card in drawn if card.shortest_path is not None]
    span = (min(plans), max(plans)) if plans else (0, 0)
    width = max(place.x for place in places.values()) + _MARGIN
    height = max(place.y for place in places.values()) + _MARGIN
    parts = [_axis(columns, height)]
    parts += [
        _edge(places[parent], places[card.id], parent, card, is_main=order == 0)
        for card in drawn
        for order, parent in enumerate(card.parents)
        if parent in places
    ]
    # Rejected ones first, so that no dot covers an accepted world.
    for card in sorted(drawn, key=lambda card: card.verdict == "accepted"):
        parts.append(_node(card, places[card.id], span, retired.get(card.id), card.id in shown))
    label = f"Tree of worlds. {caption}"
    svg = (
        f'<svg class="tree" role="img" aria-label="{html.escape(label)}" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">{"".join(parts)}</svg>'
    )
    return Tree(svg, caption, any(card.verdict != "accepted" for card in drawn), span)


def shade(plan: int | float | None, span: tuple[int, int]) -> tuple[str, bool]:
    """The colour of a plan's length on the scale of `span`, and whether it is a light one."""
    if plan is None:
        return "var(--muted)", False
    share = (plan - span[0]) / max(span[1] - span[0], 1)
    step, rest = divmod(min(max(share, 0.0), 0.9999) * (len(_SHADES) - 1), 1)
    low, high = _SHADES[int(step)], _SHADES[int(step) + 1]
    mixed = (
        round((1 - rest) * int(low[at : at + 2], 16) + rest * int(high[at : at + 2], 16))
        for at in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02x}" for part in mixed), share >= _LIGHT_FROM


def _choose(
    worlds: Sequence[WorldCard], retired: Mapping[int, Retirement]
) -> tuple[list[WorldCard], str]:
    """Which worlds to draw, and a sentence about it."""
    accepted = [card for card in worlds if card.verdict == "accepted"]
    rejected = len(worlds) - len(accepted)
    cycles = 1 + max(card.cycle for card in worlds)
    whole = f"{_count(len(accepted), 'accepted world')} over {_count(cycles, 'cycle')}"
    largest = max(Counter(card.cycle for card in worlds).values())
    if len(worlds) <= _ALL_AT_MOST and largest <= _ALL_IN_A_CYCLE:
        return list(worlds), f"{whole}; the {rejected:,} rejected ones are the small dots."
    aside = f" The {rejected:,} rejected ones are not drawn."
    if len(accepted) <= _DRAWN_AT_MOST:
        return accepted, f"{whole}.{aside}"
    known = {card.id: card for card in accepted}
    kept: set[int] = set()
    newest_first = [card for card in reversed(accepted) if card.id not in retired]
    count = 0
    for card in newest_first:
        line = _line(card, known) - kept
        if len(kept) + len(line) > _DRAWN_AT_MOST:
            break
        kept |= line
        count += 1
    which = (
        "those that live in the pool now"
        if count == len(newest_first)
        else f"the {count} newest of those that live in the pool now"
    )
    chosen = [card for card in accepted if card.id in kept]
    return chosen, f"{whole}, of which {which} are drawn with all their ancestors.{aside}"


def _line(card: WorldCard, known: Mapping[int, WorldCard]) -> set[int]:
    """A world and all of its ancestors."""
    line: set[int] = set()
    waiting = [card.id]
    while waiting:
        world = waiting.pop()
        if world in known and world not in line:
            line.add(world)
            waiting += known[world].parents
    return line


def _lay_out(cards: Mapping[int, WorldCard]) -> tuple[dict[int, _Place], dict[int, float]]:
    """Places of the worlds, and where the column of each cycle is.

    A world from which others of its own cycle descend, as from the first one, stands half a cycle earlier.
    """
    founders = {
        parent
        for card in cards.values()
        for parent in card.parents
        if parent in cards and cards[parent].cycle == card.cycle
    }
    when = {card.id: card.cycle - (0.5 if card.id in founders else 0.0) for card in cards.values()}
    times = sorted(set(when.values()))
    step = min(max(_WIDTH / max(len(times) - 1, 1), _CLOSEST_COLUMNS), _WIDEST_COLUMNS)
    x = {time: _MARGIN + index * step for index, time in enumerate(times)}
    columns = defaultdict(list)
    for card in cards.values():
        columns[when[card.id]].append(card)
    y: dict[int, float] = {}
    for time in times:
        column = sorted(columns[time], key=lambda card: (_wish(card, y), card.id))
        wishes = [_wish(card, y) for card in column]
        heights = [2 * _radius(card) + _GAP for card in column]
        y |= zip((card.id for card in column), _spread(wishes, heights), strict=True)
    top = min(y.values())
    places = {world: _Place(x[when[world]], y[world] - top + _TOP) for world in y}
    return places, {int(time): x[time] for time in times if time == int(time)}


def _wish(card: WorldCard, y: Mapping[int, float]) -> float:
    """Where a world would best lie: beside its parent, else in the middle of what there is."""
    known = [y[parent] for parent in card.parents if parent in y]
    return known[0] if known else (min(y.values()) + max(y.values())) / 2 if y else 0.0


def _spread(wishes: Sequence[int | float], heights: Sequence[int | float]) -> list[float]:
    """Places in the order of `wishes`, no two overlapping, as near to them as can be (least squares).

    With each place measured from the sum of the heights before it, "no overlap" becomes "not decreasing", and
    pooling neighbours that decrease into their mean is the least-squares answer.
    """
    before, offsets = 0.0, []
    for height in heights:
        offsets.append(before + height / 2)
        before += height
    pools: list[tuple[float, int]] = []
    for wish, offset in zip(wishes, offsets, strict=True):
        mean, size = wish - offset, 1
        while pools and pools[-1][0] > mean:
            earlier, count = pools.pop()
            mean, size = (earlier * count + mean * size) / (count + size), count + size
        pools.append((mean, size))
    level = [mean for mean, size in pools for _ in range(size)]
    return [mean + offset for mean, offset in zip(level, offsets, strict=True)]


def _axis(columns: Mapping[int, float], height: float) -> str:
    """Cycle numbers above some columns, with a line down each of those."""
    parts, free = [], 0.0
    for cycle, x in sorted(columns.items()):
        if x < free:
            continue
        free = x + 80
        parts.append(
            f'<line class="rule" x1="{x:.1f}" x2="{x:.1f}" y1="22" y2="{height:.0f}"/>'
            f'<text class="tick" x="{x:.1f}" y="14">cycle {cycle}</text>'
        )
    return "".join(parts)


def _edge(start: _Place, end: _Place, parent: int, card: WorldCard, *, is_main: bool) -> str:
    bend = min(0.5 * (end.x - start.x), 60)
    kind = "" if card.verdict == "accepted" else " minor"
    kind += "" if is_main else " second"
    return (
        f'<path class="edge{kind}" data-from="{parent}" data-to="{card.id}" '
        f'd="M{start.x:.1f} {start.y:.1f}C{start.x + bend:.1f} {start.y:.1f} '
        f'{end.x - bend:.1f} {end.y:.1f} {end.x:.1f} {end.y:.1f}"/>'
    )


def _node(
    card: WorldCard, place: _Place, span: tuple[int, int], gone: Retirement | None, is_shown: bool
) -> str:
    title = f"<title>{html.escape(_tell(card, gone))}</title>"
    circle = f'<circle cx="{place.x:.1f}" cy="{place.y:.1f}" r="{_radius(card):.1f}"'
    if card.verdict != "accepted":
        kind = _VERDICT_CLASSES.get(card.verdict, "other")
        return f'<g class="node" data-id="{card.id}">{title}{circle} class="{kind}"/></g>'
    colour, is_light = shade(card.shortest_path, span)
    number = "" if card.shortest_path is None else str(card.shortest_path)
    ink = "#16181d" if is_light else "#ffffff"
    state = "living" if gone is None else "gone"
    drawing = (
        f'{title}{circle} class="{state}" fill="{colour}"/>'
        f'<text x="{place.x:.1f}" y="{place.y + 3.2:.1f}" fill="{ink}">{number}</text>'
    )
    if is_shown:
        drawing = f'<a href="#world-{card.id}">{drawing}</a>'
    return f'<g class="node" data-id="{card.id}">{drawing}</g>'


def _tell(card: WorldCard, gone: Retirement | None) -> str:
    parts = [f"World {card.id}, {card.verdict} in cycle {card.cycle}"]
    if card.shortest_path is not None:
        parts.append(f"shortest plan {_count(card.shortest_path, 'step')}")
    if card.parents:
        parts.append(f"from {' and '.join(map(str, card.parents))} by {card.operator}")
    if gone is not None:
        parts.append(f"left the pool in cycle {gone.cycle} ({gone.reason})")
    return "; ".join(parts)


def _radius(card: WorldCard) -> float:
    return _LARGE if card.verdict == "accepted" else _SMALL


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"

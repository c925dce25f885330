"""Which rules are in force, by the phrases in which they are written."""

from dataclasses import dataclass, field

from alpha_factory.genome.rules import EFFECTS, TILES, TRIGGERS
from reference.search import AHEAD

PHRASES = {phrase.text for phrase in EFFECTS}
ENTERING = "for {n} steps after entering {tile}"
BUMPING = "for {n} steps after a bump"
TURNING = "for {n} steps after a turn"


@dataclass
class Force:
    """The effects in force in one step."""

    phrases: set[str] = field(default_factory=set)
    pull: tuple[int, int] = (0, 0)
    carry: tuple[int, int] = (0, 0)
    tide: int = 0

    def has(self, phrase: str) -> bool:
        assert phrase in PHRASES, phrase
        return phrase in self.phrases


def find_force(episode) -> Force:
    """All effects whose trigger holds in the state as it is."""
    force = Force()
    for slot, rule in enumerate(episode.level.rules):
        if not holds(episode, slot):
            continue
        phrase = EFFECTS[rule.effect].text
        force.phrases.add(phrase)
        if phrase == "gravity pulls {direction}":
            force.pull = add(force.pull, AHEAD[rule.amount])
        elif phrase == "the floor carries {direction}":
            force.carry = add(force.carry, AHEAD[rule.amount])
        elif phrase == "the tide takes {n} rows":
            force.tide = max(force.tide, rule.amount)
    return force


def holds(episode, slot: int) -> bool:
    """Whether the trigger of a slot holds; steps are counted by the level's clock."""
    level, rule = episode.level, episode.level.rules[slot]
    phrase, n, time, (row, column) = (
        TRIGGERS[rule.trigger].text,
        rule.number,
        episode.time,
        episode.cell,
    )
    rows, columns = level.size
    match phrase:
        case "":
            return False
        case "always":
            return True
        case "every {n} steps":
            return (time + 1) % n == 0
        case "in turns of {n} steps":
            return (time // n) % 2 == 1
        case "from step {n}":
            return time >= n
        case "until step {n}":
            return time < n
        case "in the last {n} steps":
            return level.step_limit - time <= n
        case "on {tile}":
            return is_called(episode.tile[episode.cell], rule.where)
        case "with the key":
            return episode.has_key
        case "without the key":
            return not episode.has_key
        case "while the gates are open":
            return episode.is_open
        case "within {n} cells of the goal":
            return level.distance[episode.cell] <= n
        case "beyond {n} cells from the goal":
            return level.distance[episode.cell] > n
        case "in the {half} half":
            # The middle line of an odd number belongs to neither half.
            return (
                column < columns // 2,
                column >= (columns + 1) // 2,
                row < rows // 2,
                row >= (rows + 1) // 2,
            )[rule.where]
        case "within {n} cells of an opponent":
            return any(
                max(abs(place[0] - row), abs(place[1] - column)) <= n
                for place in episode.opponent_places
            )
        case _:
            assert phrase in (ENTERING, BUMPING, TURNING), phrase
            return episode.timer[slot] > 0


def wind_up(episode, *, entered: str | None, is_bumped: bool, is_turned: bool) -> list[int]:
    """For how many more steps what happened keeps each rule in force."""
    timers = []
    for rule, left in zip(episode.level.rules, episode.timer, strict=True):
        happened = {
            ENTERING: entered is not None and is_called(entered, rule.where),
            BUMPING: is_bumped,
            TURNING: is_turned,
        }
        is_due = happened.get(TRIGGERS[rule.trigger].text, False)
        timers.append(rule.number if is_due else max(left - 1, 0))
    return timers


def is_called(kind: str, code: int) -> bool:
    """Whether a rule that names the tile of this code means this kind; headings don't matter."""
    name = next(name for name, number in TILES.items() if number == code)
    return kind == name or kind.startswith(name + " ")


def add(one, other):
    return one[0] + other[0], one[1] + other[1]

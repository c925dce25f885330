"""The grid world without arrays: an episode, one step after another, as docs/worlds.md tells it."""

from reference import view
from reference.level import Level, random_level, read_level, write_level
from reference.physics import accelerate, move_opponents, travel
from reference.rules import find_force, wind_up
from reference.search import UNREACHABLE, solve

__all__ = ["Episode", "Level", "random_level", "read_level", "solve", "write_level"]

TAKEN = ("key", "coin", "box")


class Episode:
    """An episode; what befalls each step is given, or plays no part."""

    def __init__(self, level: Level, *, controls: str = "turn", pays_hidden: bool = False):
        self.level, self.controls, self.pays_hidden = level, controls, pays_hidden
        self.tile = dict(level.tile)
        self.cell, self.heading = level.start, level.heading
        self.offset = self.velocity = (0, 0)
        self.has_key = self.is_open = self.has_pressed = False
        self.opponents = [(one.place, one.heading) for one in level.opponents]
        self.timer = [0] * len(level.rules)
        self.time = 0
        self.is_terminated = self.is_truncated = False
        self.visited = {level.start}
        self.remembered = set()  # cells that a view held before the present one

    @property
    def is_over(self) -> bool:
        return self.is_terminated or self.is_truncated

    @property
    def opponent_places(self) -> list[tuple[int, int]]:
        return [place for place, _ in self.opponents]

    def kind(self, place) -> str:
        """The tile at a place; walls lie beyond the edge."""
        return self.tile.get(place, "wall")

    def observe(self) -> list[bool]:
        """The 1,024 bits."""
        return view.observe(self)

    def step(
        self, action: int, *, is_slipping: bool | None = None, is_sprung: bool | None = None
    ) -> tuple[float, bool, bool, bool]:
        """Reward, terminated, truncated, solved."""
        if self.is_over:
            return 0.0, self.is_terminated, self.is_truncated, False
        level, force = self.level, find_force(self)
        if is_slipping is None:
            assert level.physics.slip in (0, 1)
            is_slipping = level.physics.slip == 1
        if is_sprung is None:
            assert level.trap_odds in (0, 1)
            is_sprung = level.trap_odds == 1

        obey = self._turn if self.controls == "turn" else self._compass
        heading, way, is_pushing = obey(action, force)
        velocity = accelerate(self, force, way, is_pushing and not is_slipping)
        motion = travel(self, force, way, velocity)
        entered, cell, offset = motion.entered, motion.cell, motion.offset
        if entered == "teleporter" and not force.has("teleporters are off"):
            (cell,) = set(level.teleport) - {cell}
            offset = (0, 0)
        opponents = move_opponents(self, force)

        is_solved = entered == "goal"
        fires = (is_sprung or force.has("traps always fire")) and not force.has("traps never fire")
        is_caught = any(
            after == cell or (before == cell and after == self.cell)
            for before, (after, _) in zip(self.opponent_places, opponents, strict=True)
        )
        is_hurt = (
            (entered == "trap" and fires)
            or (entered == "lava" and not force.has("lava is safe"))
            or (is_caught and not force.has("opponents do no harm") and not is_solved)
        )
        has_pressed = "button" in (entered, motion.box_onto)
        pay = level.pay
        reward = self._potential(cell) - self._potential(self.cell)
        reward -= pay.step_cost * (2 if force.has("steps cost double") else 1)
        if is_solved and (self.pays_hidden or not pay.is_hidden):
            reward += pay.goal
        if entered == "decoy":
            reward += pay.decoy
        if entered == "coin" and not force.has("coins are worthless"):
            reward += pay.coin
        if entered == "key" and not self.has_key:
            reward += pay.hint
        if has_pressed and not self.has_pressed:
            reward += pay.hint
        if is_hurt:
            reward -= pay.penalty

        self._remember(force)
        self.timer = wind_up(
            self,
            entered=entered,
            is_bumped=motion.is_bumped,
            is_turned=heading != self.heading,
        )
        if entered in TAKEN:
            self.tile[motion.cell] = "floor"
        elif entered == "door":
            self.tile[motion.cell] = "open door"
        if motion.box_to:
            self.tile[motion.box_to] = "floor" if motion.box_onto == "lava" else "box"
        self.cell, self.offset, self.velocity, self.heading = cell, offset, motion.velocity, heading
        self.has_key |= entered == "key"
        self.is_open ^= has_pressed
        self.has_pressed |= has_pressed
        self.opponents = opponents
        self.visited.add(cell)
        self.time += 2 if force.has("time runs double") else 1
        self.is_terminated = is_solved or is_hurt or entered == "decoy"
        self.is_truncated = self.time >= level.step_limit and not self.is_terminated
        return max(-1.0, min(1.0, reward)), self.is_terminated, self.is_truncated, is_solved

    def _turn(self, action: int, force) -> tuple[int, int, bool]:
        """Heading, way of the push, and whether there is one."""
        name = ("left", "right", "forward")[action]
        if force.has("the controls rotate"):
            name = {"left": "right", "right": "forward", "forward": "left"}[name]
        quarters = {"left": -1, "right": 1, "forward": 0}[name]
        if force.has("left and right swap"):
            quarters = -quarters
        if force.has("turning fails"):
            quarters = 0
        heading = (self.heading + quarters) % 4
        way = (heading + 2) % 4 if force.has("forward goes backwards") else heading
        return heading, way, name == "forward"

    def _compass(self, action: int, force) -> tuple[int, int, bool]:
        """As `_turn`: actions are right, down, left, up."""
        if force.has("the controls rotate"):
            action = (action + 1) % 4
        if force.has("left and right swap"):
            action = {0: 2, 2: 0}.get(action, action)
        if force.has("forward goes backwards"):
            action = (action + 2) % 4
        if force.has("turning fails"):
            return self.heading, action, action == self.heading
        return action, action, True

    def _remember(self, force) -> None:
        """What the view held before the step goes onto the map, which may have been wiped."""
        if force.has("memory fades"):
            self.remembered = set()
        self.remembered |= view.in_view(self) & self.tile.keys()

    def _potential(self, cell) -> float:
        whole = self.level.distance[self.level.start]
        if whole in (0, UNREACHABLE):
            return 0.0
        return self.level.pay.dense * (1 - min(self.level.distance[cell], whole) / whole)

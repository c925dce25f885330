"""Which worlds are played to be watched, and for how long: with a camera that takes as long as it is told."""

import dataclasses
import functools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.curriculum import make_pool
from alpha_factory.rollout import Film
from alpha_factory.rollout.play import Score
from alpha_factory.runs.build import make_untrained
from alpha_factory.runs.camera import Camera
from alpha_factory.runs.playback import Recorder
from alpha_factory.runs.seed_world import seed_genome
from alpha_factory.runs.settings.config import BudgetConfig, PlaybackConfig
from alpha_factory.runs.state import Counters
from alpha_factory.runs.workshop.session import Session
from alpha_factory.worlds.levels.file import parse_level
from runs.tiny import TINY

LEVEL = parse_level("step_limit = 60\n\n>..G\n")
CYCLE_S = 10.0
LANES = 4
SLOTS = 2_048


@functools.cache
def make_empty():
    """A model, a pool, and a film of starts alone: made once."""
    model = make_untrained(TINY)
    pool = make_pool(jnp.asarray(seed_genome()), LEVEL, jnp.asarray(3), slots=SLOTS)
    start = Session(LEVEL, controls="turn", seed=0).start().state
    zeros = jnp.zeros(LANES)
    film = Film(
        state=jax.tree.map(
            lambda leaf: jnp.broadcast_to(leaf, (1, LANES, *jnp.shape(leaf))), start
        ),
        action=jnp.zeros((0, LANES), jnp.int32),
        reward=jnp.zeros((0, LANES)),
        score=Score(is_solved=zeros > 0, total=zeros, steps=zeros.astype(jnp.int32)),
    )
    return model, pool, jax.device_get(film)


class Studio(Camera):
    """A recorder whose camera films starts alone, and says that it took so many seconds."""

    def __init__(self, path, cost_s, **playback):
        settings = PlaybackConfig(**({"cycles": 1, "worlds": LANES, "total": SLOTS} | playback))
        self.config = dataclasses.replace(
            TINY, playback=settings, budget=BudgetConfig(minutes=None, closing_s=50.0)
        )
        self.now, self.takes, self.cycle = 0.0, 0, 0
        self.cost_s, self.compiled_s, self.said = cost_s, 0.0, []
        self.recorder = Recorder(
            self.config, path / "episodes.sqlite", camera=self, clock=lambda: self.now
        )

    def shoot(self, model, levels, *, key):
        assert levels.start.shape[0] == LANES
        self.takes += 1
        self.now += self.cost_s
        return make_empty()[2]

    @property
    def compile_s(self):
        return self.compiled_s

    def state(self, living):
        model, pool, _ = make_empty()
        worlds = np.zeros(SLOTS, np.int32)
        worlds[: len(living)] = living
        pool = dataclasses.replace(
            pool, world=jnp.asarray(worlds), size=jnp.asarray(len(living), jnp.int32)
        )
        return SimpleNamespace(
            student=SimpleNamespace(learner=SimpleNamespace(model=model)), pool=pool
        )

    def turn(self, living):
        """A cycle, and what is recorded after it."""
        self.now += CYCLE_S
        self.cycle += 1
        counters = Counters(cycle=self.cycle, frames=self.cycle)
        self.recorder.record(self.state(living), counters, lambda *words: self.said.append(words))

    def complete(self, living, is_stopping=lambda: False):
        counters = Counters(cycle=self.cycle, frames=self.cycle)
        tell = lambda *words: self.said.append(words)  # noqa: E731
        self.recorder.complete(self.state(living), counters, tell, is_stopping)

    @property
    def seen(self):
        return {*self.recorder._store.last_seen()}


def test_as_many_worlds_are_played_as_a_cycle_accepts_where_that_is_cheap(tmp_path):
    studio = Studio(tmp_path, cost_s=0.01)
    for cycle in range(5):
        living = range(10 * (cycle + 1))
        studio.turn(living)
        assert studio.seen == {*living}


def test_worlds_that_were_all_seen_are_played_once_more_and_no_oftener(tmp_path):
    studio = Studio(tmp_path, cost_s=0.001)
    studio.turn(range(8))
    before = studio.takes
    studio.turn(range(8))
    assert studio.takes == before + 1


@pytest.mark.parametrize("cost_s", [0.05, 0.15, 1.0, 7.0])
def test_playing_costs_its_share_of_the_time_and_no_more(tmp_path, cost_s):
    studio = Studio(tmp_path, cost_s)
    for cycle in range(100):
        studio.turn(range(20 * (cycle + 1)))
    spent, share = studio.takes * cost_s, 0.02 * 100 * CYCLE_S
    assert spent <= 1.1 * (share + cost_s)
    assert spent >= 0.8 * share


def test_a_run_that_compiles_pays_nothing_for_it(tmp_path):
    studio = Studio(tmp_path, cost_s=0.0)
    shoot = studio.shoot

    def compile_first(*given, **options):
        studio.now, studio.compiled_s = studio.now + 60.0, studio.compiled_s + 60.0
        return shoot(*given, **options)

    studio.shoot = compile_first
    studio.turn(range(40))
    assert studio.takes == 10


def test_living_worlds_that_were_never_seen_are_played_at_the_end(tmp_path):
    studio = Studio(tmp_path, cost_s=0.3)
    studio.turn(range(90))
    assert len(studio.seen) <= LANES
    studio.complete(range(1, 91))
    assert {*range(1, 91)} <= studio.seen
    takes = studio.takes
    studio.complete(range(1, 91))
    assert studio.takes == takes, "a resumed run that is over has nothing left to play"
    assert len(studio.said) == 2


def test_the_end_waits_for_its_share_of_the_closing_at_most(tmp_path):
    studio = Studio(tmp_path, cost_s=3.0)
    studio.complete(range(90))
    assert studio.takes == 4  # 10 s of 50: the fourth begins within


def test_the_end_waits_for_nobody_who_is_told_to_stop(tmp_path):
    studio = Studio(tmp_path, cost_s=0.01)
    studio.complete(range(90), is_stopping=lambda: studio.takes == 2)
    assert studio.takes == 2


def test_nothing_is_played_where_it_is_turned_off(tmp_path):
    studio = Studio(tmp_path, cost_s=0.01, cycles=None)
    studio.turn(range(9))
    studio.complete(range(9))
    assert (studio.takes, studio.said) == (0, [])


def test_worlds_for_which_the_file_has_no_room_are_not_played_over_and_over(tmp_path):
    studio = Studio(tmp_path, cost_s=0.0, total=8)
    studio.turn(range(20))
    assert studio.takes == 1

"""A genome made playable: levels, the grid engine, its oracle and its pictures; and worlds without genomes."""

from alpha_factory.worlds.building import finish_building, make_building
from alpha_factory.worlds.cartpole import cartpole_level, make_cartpole
from alpha_factory.worlds.fruits import (
    draw_fruits,
    draw_good,
    expect_good,
    guess_good,
    make_fruits,
    place_apple,
)
from alpha_factory.worlds.grid.engine import make_grid
from alpha_factory.worlds.levels.decode import decode
from alpha_factory.worlds.levels.level import GridLevel, count_matches
from alpha_factory.worlds.levels.mazes import public_mazes
from alpha_factory.worlds.levels.plain import NUMBERS_OF_WALLS, draw_maze, measure_maze
from alpha_factory.worlds.levels.settings import to_settings
from alpha_factory.worlds.levels.text import from_text, from_texts, to_text
from alpha_factory.worlds.levels.walls import SIDE
from alpha_factory.worlds.maze import (
    draw_actions,
    make_maze,
    pack_maze,
    pack_unchecked,
    play_mazes,
)
from alpha_factory.worlds.oracle.optimum import Verdict, find_optima, find_optimum, find_ways
from alpha_factory.worlds.render import draw_contact_sheet, draw_level, write_gif
from alpha_factory.worlds.small_mazes import make_small_mazes
from alpha_factory.worlds.unfolding import (
    KINDS_PLACED,
    UnfoldingLevel,
    begin_unfolding,
    find_unknown,
    is_goal_placed,
    make_unfolding,
    place_tile,
    settle_unfolding,
    show_kinds,
)
from alpha_factory.worlds.walk import shortest_walk

__all__ = [
    "KINDS_PLACED",
    "NUMBERS_OF_WALLS",
    "SIDE",
    "GridLevel",
    "UnfoldingLevel",
    "Verdict",
    "begin_unfolding",
    "cartpole_level",
    "count_matches",
    "decode",
    "draw_actions",
    "draw_contact_sheet",
    "draw_fruits",
    "draw_good",
    "draw_level",
    "draw_maze",
    "expect_good",
    "find_optima",
    "find_optimum",
    "find_unknown",
    "find_ways",
    "finish_building",
    "from_text",
    "from_texts",
    "guess_good",
    "is_goal_placed",
    "make_building",
    "make_cartpole",
    "make_fruits",
    "make_grid",
    "make_maze",
    "make_small_mazes",
    "make_unfolding",
    "measure_maze",
    "pack_maze",
    "pack_unchecked",
    "place_apple",
    "place_tile",
    "play_mazes",
    "public_mazes",
    "settle_unfolding",
    "shortest_walk",
    "show_kinds",
    "to_settings",
    "to_text",
    "write_gif",
]

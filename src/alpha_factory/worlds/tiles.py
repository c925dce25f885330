"""The kinds of tile, their codes in arrays and their symbols in text."""

FLOOR, WALL, GOAL, KEY, DOOR, TRAP, OPEN_DOOR = range(7)
KINDS = 7

SYMBOLS = ".#GKDT'"
"""Symbol of each kind, in the order of the codes."""

HEADINGS = ("right", "down", "left", "up")
HEADING_SYMBOLS = ">v<^"
ROW_STEP = (0, 1, 0, -1)
COLUMN_STEP = (1, 0, -1, 0)

TURN_LEFT, TURN_RIGHT, FORWARD = range(3)
ACTIONS = 3

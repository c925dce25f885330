import jax
import jax.numpy as jnp
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alpha_factory.core.errors import InvalidLevel, InvalidRule
from alpha_factory.genome import TEMPLATES, Rule, parse_rule, print_rule, read_rules, rules

READ_RULES = jax.jit(read_rules)

EMPTY = Rule(rules.NEVER, 0, 0, rules.NOTHING, 0)
HALF_BYTE = st.integers(0, 15)
NUMBER = st.integers(1, rules.LARGEST_NUMBER)
WORDS = [
    *(word for phrase in rules.TRIGGERS + rules.EFFECTS for word in phrase.text.split()),
    *(word for name in rules.TILES for word in name.split()),
    *rules.HALVES,
    *rules.DIRECTIONS,
    *("7", "0", "-1", "1000", "007", "٣", ":", "", "{n}", "Fog", "stps"),
]


@st.composite
def any_rule(draw):
    """Any rule that is not empty, with 0 for what it doesn't use."""
    trigger = draw(st.integers(1, len(rules.TRIGGERS) - 1))
    effect = draw(st.integers(1, len(rules.EFFECTS) - 1))
    when, what = rules.TRIGGERS[trigger].text, rules.EFFECTS[effect].text
    count = draw(NUMBER) if "{n}" in when else 0
    where = 0
    if "{tile}" in when:
        where = draw(st.sampled_from(sorted(rules.TILES.values())))
    if "{half}" in when:
        where = draw(st.integers(0, 3))
    amount = draw(NUMBER) if "{n}" in what else 0
    if "{direction}" in what:
        amount = draw(st.integers(0, 3))
    return Rule(trigger, count, where, effect, amount)


def test_tables_have_a_phrase_for_each_code():
    assert len(rules.TRIGGERS) == rules.THREAT + 1 == 18
    assert len(rules.EFFECTS) == rules.DROP + 1 == 37
    assert rules.TRIGGERS[rules.HOLDING].text == "with the key"
    assert rules.EFFECTS[rules.CURFEW].text == "the goal is closed"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("every 7 steps: left and right swap", (rules.EVERY, 7, 0, rules.MIRROR, 0)),
        ("in turns of 4 steps: fog falls", (rules.TURNS, 4, 0, rules.FOG, 0)),
        ("always: gravity pulls left", (rules.ALWAYS, 0, 0, rules.PULL, 2)),
        ("from step 40: the tide takes 3 rows", (rules.FROM, 40, 0, rules.TIDE, 3)),
        ("in the last 999 steps: opponents hurry", (rules.LAST, 999, 0, rules.HURRY, 0)),
        ("in the top half: the floor carries right", (rules.HALF, 0, 2, rules.CARRY, 0)),
        (
            "for 5 steps after entering conveyor: forward goes backwards",
            (rules.ENTERING, 5, 19, rules.BACKWARD, 0),
        ),
        ("on open door: memory fades", (rules.ON, 0, 6, rules.FORGET, 0)),
        ("within 2 cells of an opponent: doors jam", (rules.THREAT, 2, 0, rules.JAM, 0)),
    ],
)
def test_parse_rule_reads_what_print_rule_writes(text, rule):
    assert parse_rule(text) == rule
    assert print_rule(Rule(*rule)) == text


@given(any_rule())
def test_print_rule_says_any_rule(rule):
    assert parse_rule(print_rule(rule)) == rule


def test_parse_rule_takes_any_white_space():
    text = "\t every   7\nsteps:left and right  swap "
    assert print_rule(parse_rule(text)) == "every 7 steps: left and right swap"
    assert parse_rule("always :fog falls") == parse_rule("always: fog falls")


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("every 7 stps: fog falls", 9, '"steps"'),
        ("every seven steps: fog falls", 7, "a number from 1 to 999"),
        ("every 0 steps: fog falls", 7, "a number from 1 to 999"),
        ("every 1000 steps: fog falls", 7, "a number from 1 to 999"),
        ("every 07 steps: fog falls", 7, "a number from 1 to 999"),
        ("every -7 steps: fog falls", 7, "a number from 1 to 999"),
        ("every {n} steps: fog falls", 7, "a number from 1 to 999"),
        ("every ٣ steps: fog falls", 7, "a number from 1 to 999"),
        ("every 7 steps fog falls", 15, "a colon"),
        ("every 7 steps", 14, "a colon"),
        ("every 7 steps: fog", 19, '"falls"'),
        ("every 7 steps: fog falls down", 26, "the end"),
        ("every 7 steps: fog falls: fog falls", 25, "the end"),
        ("every 7 steps:: fog falls", 15, '"left"'),
        ("after 7 steps: fog falls", 1, '"always"'),
        ("Always: fog falls", 1, '"always"'),
        ("fog falls", 1, '"always"'),
        ("", 1, '"always"'),
        ("   ", 4, '"always"'),
        (": fog falls", 1, '"always"'),
        ("always:", 8, '"left"'),
        ("on: fog falls", 3, '"floor"'),
        ("on sand: fog falls", 4, '"floor"'),
        ("on open: fog falls", 8, '"door"'),
        ("for 3 steps after lunch: fog falls", 19, '"entering" or "a"'),
        ("for 3 steps after a bumper: fog falls", 21, '"bump" or "turn"'),
        ("in the middle half: fog falls", 8, '"last", "left", "right", "top" or "bottom"'),
        ("in the left side: fog falls", 13, '"half"'),
        ("within 3 cells of me: fog falls", 19, '"the" or "an"'),
        ("always: gravity pulls north", 23, '"right", "down", "left" or "up"'),
        ("always: gravity", 16, '"flips" or "pulls"'),
        ("always: the tide takes all rows", 24, "a number from 1 to 999"),
        ("always: opponents do harm", 22, '"no"'),
        ("always:\n  fog\tfells", 15, '"falls"'),
    ],
)
def test_parse_rule_names_the_column_and_what_was_expected(text, column, expected):
    with pytest.raises(InvalidRule) as raised:
        parse_rule(text)
    assert (raised.value.column, raised.value.text) == (column, text)
    assert raised.value.expected.startswith(expected)


def test_invalid_rule_shows_what_stands_there():
    with pytest.raises(InvalidRule) as raised:
        parse_rule("every 7 stps: fog falls")
    assert str(raised.value) == (
        "Invalid rule: column 9: expected \"steps\"; got 'stps' in 'every 7 stps: fog falls'."
    )
    with pytest.raises(InvalidRule, match='column 8: expected "steps"; the text ends there'):
        parse_rule("every 7")


@given(st.one_of(st.text(), st.lists(st.sampled_from(WORDS)).map(" ".join)))
@example("every " + "9" * 5000)
def test_parse_rule_reads_or_refuses_any_text(text):
    rule, column = None, 1
    try:
        rule = parse_rule(text)
    except InvalidRule as error:
        column = error.column
    assert 1 <= column <= len(text) + 1
    assert rule is None or parse_rule(print_rule(rule)) == rule


@given(any_rule(), st.data())
def test_parse_rule_names_the_first_word_that_is_wrong(rule, data):
    words = print_rule(rule).replace(":", " :").split()
    place = data.draw(st.integers(0, len(words) - 1))
    text = " ".join([*words[:place], "zebra", *words[place + 1 :]])
    with pytest.raises(InvalidRule) as raised:
        parse_rule(text)
    assert text[raised.value.column - 1 :].startswith("zebra")


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (EMPTY, "trigger"),
        ((18, 0, 0, rules.FOG, 0), "trigger"),
        ((rules.ALWAYS, 0, 0, rules.NOTHING, 0), "effect"),
        ((rules.ALWAYS, 0, 0, 37, 0), "effect"),
        ((rules.EVERY, 0, 0, rules.FOG, 0), "number"),
        ((rules.EVERY, 1000, 0, rules.FOG, 0), "number"),
        ((rules.ALWAYS, 3, 0, rules.FOG, 0), "number"),
        ((rules.ON, 0, 16, rules.FOG, 0), "where"),
        ((rules.HALF, 0, 4, rules.FOG, 0), "where"),
        ((rules.ALWAYS, 0, 1, rules.FOG, 0), "where"),
        ((rules.ALWAYS, 0, 0, rules.PULL, 4), "amount"),
        ((rules.ALWAYS, 0, 0, rules.TIDE, 0), "amount"),
        ((rules.ALWAYS, 0, 0, rules.FOG, 1), "amount"),
    ],
)
def test_print_rule_names_the_code_that_no_text_stands_for(rule, field):
    with pytest.raises(InvalidLevel) as raised:
        print_rule(Rule(*rule))
    assert raised.value.field == f"rules.{field}"


def test_templates_are_57_and_use_every_trigger_and_effect():
    assert len(TEMPLATES) == 57
    assert len({template.name for template in TEMPLATES}) == 57
    assert len({template[1:] for template in TEMPLATES}) == 57
    assert {template.trigger for template in TEMPLATES} == set(range(1, len(rules.TRIGGERS)))
    assert {template.effect for template in TEMPLATES} == set(range(1, len(rules.EFFECTS)))
    assert [template.name for template in TEMPLATES[:2]] == ["mirror", "fog"]


@given(st.sampled_from(TEMPLATES), HALF_BYTE, HALF_BYTE)
def test_template_makes_a_rule_that_can_be_said(template, n, m):
    rule = template.rule(n, m)
    assert (rule.trigger, rule.where, rule.effect) == template[1:]
    assert parse_rule(print_rule(rule)) == rule


@pytest.mark.parametrize(
    ("name", "n", "m", "text"),
    [
        ("mirror", 0, 0, "in turns of 2 steps: left and right swap"),
        ("twitch", 15, 9, "every 17 steps: left and right swap"),
        ("rising-tide", 4, 15, "from step 40: the tide takes 8 rows"),
        ("current", 0, 7, "always: the floor carries up"),
        ("fright", 5, 0, "within 3 cells of an opponent: left and right swap"),
        ("dizzy", 1, 0, "for 3 steps after entering conveyor: forward goes backwards"),
        ("panic", 15, 0, "in the last 128 steps: opponents hurry"),
    ],
)
def test_template_takes_its_numbers_from_the_slot(name, n, m, text):
    template = next(template for template in TEMPLATES if template.name == name)
    assert print_rule(template.rule(n, m)) == text


@given(*[st.lists(st.integers(0, most), min_size=4, max_size=4) for most in (255, 15, 15)])
@example([0, 56, 57, 255], [0, 15, 3, 4], [15, 0, 1, 2])
@example([14, 7, 39, 17], [1, 2, 3, 4], [6, 9, 15, 13])
def test_read_rules_gives_the_rule_of_each_slots_template(codes, ns, ms):
    genes = {}
    for slot in range(rules.SLOTS):
        genes[f"rule_{slot}"] = jnp.int32(codes[slot])
        genes[f"rule_{slot}_n"] = jnp.int32(ns[slot])
        genes[f"rule_{slot}_m"] = jnp.int32(ms[slot])
    read = READ_RULES(genes)
    assert all(column.dtype == jnp.int32 for column in read.values())
    columns = {name: column.tolist() for name, column in read.items()}
    found = [
        Rule(**{name: column[slot] for name, column in columns.items()})
        for slot in range(rules.SLOTS)
    ]
    assert found == [
        TEMPLATES[code].rule(n, m) if code < len(TEMPLATES) else EMPTY
        for code, n, m in zip(codes, ns, ms, strict=True)
    ]

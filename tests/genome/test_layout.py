import pytest

from alpha_factory.genome import BITS, FIELDS, SECTIONS, TEMPLATES

SECTION_BITS = {
    "topology": 128,
    "physics": 96,
    "entities": 160,
    "reward": 64,
    "rules": 64,
}  # paper, 4.1


def test_fields_cover_the_512_bits_exactly_once():
    covered = [
        bit for field in FIELDS.values() for bit in range(field.offset, field.offset + field.width)
    ]
    assert sorted(covered) == list(range(512))
    assert BITS == 512


def test_sections_have_the_sizes_of_the_paper_in_its_order():
    assert SECTIONS == SECTION_BITS
    widths = dict.fromkeys(SECTION_BITS, 0)
    for field in FIELDS.values():
        widths[field.section] += field.width
    assert widths == SECTION_BITS
    in_order = [field.section for field in sorted(FIELDS.values(), key=lambda one: one.offset)]
    assert list(dict.fromkeys(in_order)) == list(SECTION_BITS)


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_field_lies_inside_one_word(field):
    assert field.offset // 32 == (field.offset + field.width - 1) // 32


def test_wide_fields_are_whole_blocks():
    assert all(field.offset % 16 == 0 for field in FIELDS.values() if field.width >= 16)


def test_every_field_that_means_something_says_what():
    assert all((field.kind == "spare") != bool(field.meaning) for field in FIELDS.values())


def test_a_rule_code_exists_for_every_template():
    assert len(TEMPLATES) <= 32
    assert [FIELDS[f"rule_{slot}"].width for slot in range(4)] == [8] * 4

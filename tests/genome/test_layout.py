import pytest

from alpha_factory.genome import BITS, FIELDS, SECTIONS, SLOTS, TEMPLATES

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


def test_wide_fields_are_whole_blocks():
    assert all(field.offset % 16 == 0 for field in FIELDS.values() if field.width >= 16)


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_field_lies_inside_one_block_and_says_what_it_means(field):
    assert field.offset // 16 == (field.offset + field.width - 1) // 16
    assert field.meaning
    assert field.largest == 2**field.width - 1
    assert field.is_gray == (field.kind in ("number", "real"))


def test_every_slot_has_a_code_for_every_template_and_two_numbers():
    assert len(TEMPLATES) == 57 < FIELDS["rule_0"].largest
    for slot in range(SLOTS):
        widths = [FIELDS[f"rule_{slot}{suffix}"].width for suffix in ("", "_n", "_m")]
        assert widths == [8, 4, 4]
        assert FIELDS[f"rule_{slot}"].offset % 16 == 0


def test_physics_is_made_of_reals_alone():
    """Gaussian mutation moves exactly these."""
    reals = [field.name for field in FIELDS.values() if field.kind == "real"]
    assert reals == [field.name for field in FIELDS.values() if field.section == "physics"]
    assert reals == ["gravity", "wind", "drag", "friction", "restitution", "slip"]

"""What several shapes are made of."""

Number = int | float | None
Words = dict[str, list[str]]

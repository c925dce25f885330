"""The page's charts of what was new. A run's record in, markup out."""

from alpha_factory.runs.report.data import RunRecord
from alpha_factory.runs.report.figures import draw_rows, read_value


def draw_novelty(record: RunRecord) -> list[str]:
    """Charts of ANNECS, of the frontier and of the embedding; none of them for other runs."""
    return [
        draw_rows(
            record,
            "New and solved",
            "ANNECS: worlds that were neither too easy nor too hard for the best agent when made, and solved later",
            {"worlds": read_value("annecs")},
            is_step=True,
        ),
        draw_rows(
            record,
            "Frontier",
            "Highest quality diversity of any world accepted so far",
            {"quality diversity": read_value("qd_frontier")},
            is_step=True,
        ),
        draw_rows(
            record,
            "Embedding",
            "Bits of a genome that the learned embedding gives back wrong",
            {"wrong": read_value("embedding_wrong")},
            is_share=True,
        ),
    ]

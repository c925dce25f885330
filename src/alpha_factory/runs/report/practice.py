"""The page's charts of PPO and of chosen levels. A run's record in, markup out."""

from alpha_factory.runs.report.data import RunRecord
from alpha_factory.runs.report.figures import draw_rows, read_value


def draw_practice(record: RunRecord) -> list[str]:
    """Charts of PPO and of chosen levels; none of them for other runs."""
    charts = [
        (
            "Levels replayed",
            "Mean walls, and cells from start to goal, of levels replayed",
            {"walls": "replayed_walls", "path": "replayed_path"},
            "",
        ),
        (
            "Buffer",
            "Slots taken, and levels in them that were ever solved",
            {"taken": "buffer_fill", "solved": "buffer_solved"},
            "share",
        ),
        (
            "Scores",
            "Means over the levels of the buffer and over those just played",
            {"buffer": "buffer_score", "played": "score_mean"},
            "",
        ),
        (
            "Levels built",
            "Mean walls, and cells from start to goal, of levels built by a learner",
            {"walls": "built_walls", "path": "built_path"},
            "",
        ),
        (
            "Pay",
            "What the learner that builds is paid for a level, in the mean",
            {"regret": "regret", "negative advantage": "builder_pay"},
            "",
        ),
        (
            "Others",
            "Env steps of the method's own learners in a stretch",
            {"antagonist": "antagonist_frames", "builder": "builder_steps"},
            "",
        ),
        (
            "Rounds",
            "Shares of the rounds that replayed levels, and that were learned from",
            {"replayed": "replay_share", "learned from": "practice_share"},
            "share",
        ),
        (
            "Divergence",
            "Of the policy after an update from the one that acted, in nats, logarithmic",
            {"divergence": "divergence"},
            "log",
        ),
        (
            "Noise",
            "Lanes at which a gradient is as much signal as noise, logarithmic",
            {"lanes": "noise_lanes"},
            "log",
        ),
        (
            "Clipped",
            "Rows whose chance moved beyond the clip, and variance of returns explained",
            {"clipped": "clip_share", "explained": "explained_variance"},
            "",
        ),
    ]
    return [
        draw_rows(
            record,
            title,
            about,
            {name: read_value(key) for name, key in curves.items()},
            is_share=scale == "share",
            is_log=scale == "log",
        )
        for title, about, curves, scale in charts
    ]

"""The page's honeypots: what was checked, and which worlds the agent was caught at. A run's record in, markup out."""

from alpha_factory.records import HoneypotCheck
from alpha_factory.runs.report.data import RunRecord
from alpha_factory.runs.report.results import percent

_SHOWN = 20


def draw_honeypots(record: RunRecord) -> str:
    """How often a honeypot was found hacked, and the last of these; a sentence where none was checked."""
    checks = record.honeypots
    if not checks:
        return '<p class="empty">No honeypot has been checked.</p>'
    incidents = [check for check in checks if check.is_incident]
    worlds = len({check.world for check in checks})
    told = (
        f"<p>{_count(len(incidents), 'possible case')} of reward hacking in {_count(len(checks), 'check')} of "
        f"{_count(worlds, 'honeypot')}: worlds whose goal pays in evaluation only.</p>"
    )
    if not incidents:
        return told
    rows = "".join(map(_draw_row, incidents[-_SHOWN:]))
    return (
        f'{told}<div class="scroll" style="max-width:560px"><table><thead><tr><th scope="col" class="num">cycle</th>'
        '<th scope="col" class="num">world</th><th scope="col" class="num">training</th>'
        f'<th scope="col" class="num">evaluation</th></tr></thead><tbody>{rows}</tbody></table></div>'
        '<p class="note">Shares of what training and evaluation pay at most. A world so found is drawn less often '
        "for training until a later check finds otherwise.</p>"
    )


def _draw_row(check: HoneypotCheck) -> str:
    return (
        f'<tr><td class="num">{check.cycle}</td><td class="num">{check.world}</td>'
        f'<td class="num">{percent(check.training)}</td><td class="num">{percent(check.evaluation)}</td></tr>'
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"

"""`alpha-factory serve`: the live page."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from alpha_factory.cli import output
from alpha_factory.core.errors import AlphaFactoryError, UsageError

RUNS = Path("runs")
PORT = 7860
_MISSING = ("fastapi", "uvicorn", "websockets")
_Names = Annotated[
    tyro.conf.UseAppendAction[tuple[str, ...]],
    tyro.conf.arg(metavar="NAME", help_behavior_hint=""),
]


@dataclass(frozen=True)
class Serve:
    """Show runs on a live page: watch them, understand them, steer them. Ctrl-C ends the page, not the runs.

    Example: alpha-factory serve runs
    """

    runs: tyro.conf.Positional[Path] = RUNS
    """A folder of runs, or a run."""
    port: int = PORT
    """Where the page listens; 0 for any port that is free."""
    host: str = "127.0.0.1"
    """The address to listen at. Any but this machine's own demands a token, which is printed once."""
    name: _Names = ()
    """A name by which the page may be called, too, as behind a proxy; demands a token as well; repeatable."""
    open: output.Switch = False
    """Open the page in a browser."""
    attached: output.Switch = False
    """End when stdin ends, as a run does that serves itself."""
    json: output.Switch = False
    """Print the address as one JSON object."""

    def __call__(self) -> int:
        """Serve until Ctrl-C."""
        if not 0 <= self.port <= 65_535:
            raise UsageError(f"--port {self.port} is none. Give one from 0 to 65535.")
        if not self.attached and not self.runs.is_dir():
            raise UsageError(
                f"{self.runs} is no folder. Give a folder of runs, or a run; "
                "`alpha-factory run` starts one."
            )
        check_installed()
        from alpha_factory.service.page.problem import Problem
        from alpha_factory.service.page.serve import serve

        try:
            serve(
                self.runs,
                host=self.host,
                port=self.port,
                names=self.name,
                opened=self._tell,
                until=_hear_end if self.attached else None,
            )
        except Problem as problem:
            raise AlphaFactoryError(problem.message) from problem
        except OSError as error:
            raise AlphaFactoryError(
                f"Cannot listen at {self.host}, port {self.port}: {error.strerror or error}. "
                "Give another --port, or 0 for any that is free."
            ) from error
        return 0

    def _tell(self, opened: Any) -> None:
        if self.json:
            output.print_json({"url": opened.url, "link": opened.link})
        else:
            lines = [f"The page is at {opened.link}  (Ctrl-C ends it)"]
            if opened.token_file is not None:
                lines.append(f"Its token is kept in {opened.token_file}.")
            for line in lines:
                output.stdout_console().print(line, markup=False, soft_wrap=True)
        if self.open:
            import webbrowser

            webbrowser.open(opened.link)


def _hear_end() -> None:
    sys.stdin.read()


def check_installed() -> None:
    """Raise unless what the page needs is installed."""
    import importlib.util

    if missing := [name for name in _MISSING if importlib.util.find_spec(name) is None]:
        raise UsageError(
            f"The page needs {', '.join(missing)}, which the core does without. "
            'Run `pip install "alpha-factory[web]"`.'
        )

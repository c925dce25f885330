"""The `alpha-factory` program: arguments in, an exit code out.

0: done. 1: failed, or the answer is no. 2: misuse. 130: interrupted, with the work saved where there was any.
"""

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Misuse raises `SystemExit(2)` before JAX is loaded."""
    try:
        # Here, so that Ctrl-C while Python reads the modules is an interruption like any other.
        from alpha_factory.cli.commands import execute

        return execute(argv)
    except KeyboardInterrupt:
        sys.stderr.write("alpha-factory: Interrupted.\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())

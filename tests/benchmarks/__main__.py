"""Run every benchmark: ``python -m tests.benchmarks [--quick] [NAME ...]``. Exit 1 when a limit is missed."""

import importlib
import sys
from pathlib import Path


def is_benchmark(path: Path) -> bool:
    """Whether this file is a benchmark: it has a ``main`` of its own (shared data and measures have none)."""
    return not path.stem.startswith("__") and "\ndef main(" in path.read_text("utf-8")


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, or all, one after another; each prints its own lines."""
    files = Path(__file__).parent.glob("*.py")
    known = sorted(path.stem for path in files if is_benchmark(path))
    names = [argument for argument in arguments if not argument.startswith("-")] or known
    options = [argument for argument in arguments if argument.startswith("-")]
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    worst = 0
    for name in names:
        worst = max(worst, importlib.import_module(f"tests.benchmarks.{name}").main(options))
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

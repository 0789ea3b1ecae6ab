"""canonical goes to downstream by itself: it needs jsonschema and what jsonschema needs, and nothing else."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import canonical

PROGRAM = '''
import importlib.abc
import sys

sys.path[:] = [p for p in sys.path if "site-packages" not in p and p not in ("", ".")]
sys.path += [sys.argv[1], sys.argv[2]]
ALLOWED = set(sys.stdlib_module_names) | {
    "canonical", "jsonschema", "jsonschema_specifications", "referencing", "rpds", "attr", "attrs",
    "typing_extensions",
}


class Alone(importlib.abc.MetaPathFinder):
    """Only canonical, jsonschema and what it needs can be imported; the rest is as if it were not installed."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in ALLOWED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


sys.meta_path.insert(0, Alone())

import json
import pathlib
import pkgutil

import canonical
from canonical import compatibility, crosswalks, events, schemas, taxonomy, upcast, validate

for module in pkgutil.iter_modules(canonical.__path__):
    __import__(f"canonical.{module.name}")
assert pathlib.Path(canonical.__file__).is_relative_to(sys.argv[1]), canonical.__file__
assert taxonomy.lint() == [] and len(taxonomy.codes()) >= 67
assert crosswalks.lookup("x12-668", "IB").exception == "INV.BACKORDER"
judge = validate.validator("exception-event", "1.0")
assert judge.engine == "jsonschema", judge.engine
examples = pathlib.Path(sys.argv[1]) / "canonical/schemas/exception-event/1.0/examples"
for kind, verdict in (("valid", True), ("hostile", False)):
    for file in (examples / kind).glob("*.json"):
        document = json.loads(file.read_text("utf-8"))
        assert judge.is_valid(document) is verdict, file
        assert (judge.violations(document) == []) is verdict, file
foreign = {name.partition(".")[0] for name in sys.modules} - ALLOWED - {"__main__", "__mp_main__"}
foreign = {name for name in foreign if not name.startswith("_")}
assert not foreign, foreign
'''


def test_canonical_works_alone_with_nothing_but_jsonschema(tmp_path):
    source = Path(canonical.__file__).parent
    shutil.copytree(source, tmp_path / "house" / "canonical", ignore=shutil.ignore_patterns("__pycache__"))
    program = tmp_path / "alone.py"
    program.write_text(PROGRAM, "utf-8")
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(program), str(tmp_path / "house"), sysconfig.get_paths()["purelib"]],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr

"""A TOML file that several read is parsed once, and each has its own of it."""

from pathlib import Path

import pytest

from crossdock import toml_lines
from crossdock.errors import Misconfigured


def test_what_a_reader_changes_the_next_reader_does_not_see(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[[rule]]\nsay = ["short"]\n')
    first = toml_lines.read(path).values
    first["rule"][0]["say"].append("late")  # type: ignore[index]
    assert toml_lines.read(path).values == {"rule": [{"say": ["short"]}]}


def test_a_file_that_was_edited_is_read_as_it_is_now(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text("a = 1\n")
    assert toml_lines.read(path).values == {"a": 1}
    path.write_text("# a word\na = 2\n")
    assert (toml_lines.read(path).values, toml_lines.read(path).at("a")) == ({"a": 2}, f"{path}:2")


def test_the_same_mistake_in_two_files_is_told_of_each(tmp_path: Path) -> None:
    for name in ("one.toml", "two.toml"):
        (tmp_path / name).write_text("a = \n")
        with pytest.raises(Misconfigured, match=rf"{name}:1"):
            toml_lines.read(tmp_path / name)

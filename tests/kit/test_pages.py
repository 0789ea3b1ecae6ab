"""The docs page of each connector is the one that its connector.toml makes."""

from crossdock.kit import pages


def test_every_page_is_as_it_would_be_made(capsys) -> None:
    code = pages.main([])
    assert code == 0, f"python -m crossdock.kit.pages --update\n{capsys.readouterr().out}"

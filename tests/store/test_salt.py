"""Salt: one for each data directory, and nobody else's to read."""

from __future__ import annotations

from pathlib import Path

from huidu.store.salt import BYTES, FILE, salt


def test_the_salt_of_a_directory_stays(tmp_path: Path) -> None:
    made = salt(tmp_path)

    assert len(made) == BYTES
    assert salt(tmp_path) == made
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_another_directory_has_another(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()

    assert salt(tmp_path) != salt(tmp_path / "other")


def test_a_salt_that_was_not_written_to_its_end_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"short")

    assert len(salt(tmp_path)) == BYTES

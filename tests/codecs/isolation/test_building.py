"""Environments: what a declaration may say, its digest, and building: once, again after half a build, and failing."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from grid.codecs.catalogue import identity, load_catalogue, runnable
from grid.codecs.contract import ADAPTERS
from grid.codecs.isolation import building
from grid.codecs.isolation.building import VARIABLE, build_environment, environment, installed
from grid.codecs.isolation.declaration import Declaration, declaration, find_declaration, names, read_declaration
from grid.codecs.isolation.locking import core_pins
from grid.core.errors import MissingRequirementError, RequestError
from tests.support.places import REPOSITORY
from tests.support.tiny_environment import Tiny, make_tiny

COMMIT = "0123456789" * 4
CHECKOUT = {"repository": "https://github.com/owner/name", "commit": COMMIT, "folder": "name"}
GOOD: dict[str, Any] = {"requirements": ["a==1.0"], "checkouts": [CHECKOUT], "imports": ["a"]}


def declared(folder: Path, **changes: Any) -> Any:
    """What a declaration with these fields is read as."""
    path = folder / f"made{len(list(folder.iterdir()))}.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **changes}))
    return read_declaration(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"requirements": ["numpy"]}, "'numpy' is not pinned"),
        ({"requirements": ["numpy>=2"]}, "'numpy>=2' is not pinned"),
        ({"requirements": ["a @ git+https://example.org/a"]}, "write a @ git.URL@COMMIT with all 40 digits"),
        ({"requirements": ["a @ git+https://example.org/a@main"]}, "write a @ git.URL@COMMIT with all 40 digits"),
        ({"requirements": [f"a @ git+https://example.org/a@{COMMIT[:39]}"]}, "with all 40 digits"),
        ({"requirements": [f"a @ git+https://{COMMIT}/a#egg=a"]}, "with all 40 digits"),
        ({"requirements": ["a @ https://example.org/a-1-py3-none-any.whl"]}, "write a @ URL#sha256=DIGEST"),
        ({"checkouts": [{**CHECKOUT, "commit": "main"}]}, "checkouts.0.commit: .*'main' is no full commit hash"),
        ({"checkouts": [{**CHECKOUT, "commit": COMMIT[:39]}]}, "is no full commit hash of 40 digits"),
        ({"checkouts": [{**CHECKOUT, "repository": "git@github.com:owner/name"}]}, "checkouts.0.repository"),
        ({"checkouts": [{**CHECKOUT, "folder": "../name"}]}, "checkouts.0.folder"),
        ({"checkouts": [{**CHECKOUT, "paths": ["../src"]}]}, "not a place below the checkout"),
        ({"requirement": []}, "requirement: Extra inputs"),
    ],
)
def test_declaration_wrong_field_names_file_and_field(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        declared(tmp_path, **changes)
    assert str(tmp_path) in str(caught.value)


def test_declaration_of_a_full_commit_and_of_a_file_with_its_digest_is_read(tmp_path: Path) -> None:
    pinned = [
        f"a @ git+https://example.org/a@{COMMIT}#subdirectory=b",
        f"c @ https://example.org/c.whl#sha256={'0' * 64}",
    ]
    assert declared(tmp_path, requirements=pinned).requirements == tuple(pinned)


def test_digest_changes_with_what_can_change_samples_only(tmp_path: Path) -> None:
    plain = declared(tmp_path).digest
    assert declared(tmp_path, imports=["b"]).digest == plain  # and under another name
    others = [{"requirements": ["a==1.1"]}, {"overrides": ["b==2"]}, {"checkouts": []}, {"ray": True}]
    assert len({plain, *(declared(tmp_path, **change).digest for change in others)}) == 5


def test_every_shipped_declaration_reads_and_says_why() -> None:
    folder = REPOSITORY / "grid" / "codecs" / "environments"
    files = sorted(folder.glob("*.yaml"))
    assert "funcodec" in {path.stem for path in files}
    for path in files:
        assert path.read_text().startswith("# "), path
        assert read_declaration(path).name == path.stem


def test_declaration_unknown_name_gives_the_choices() -> None:
    with pytest.raises(RequestError, match=r"codec x: unknown environment 'funcodek'; did you mean 'funcodec'"):
        declaration("funcodek", where="codec x")
    assert find_declaration("funcodek") is None


def test_environments_are_no_codec_family() -> None:
    assert not {"environments", "isolated", "licences"} & set(ADAPTERS.names())


@pytest.mark.slow
def test_identity_of_core_codecs_has_no_environment_and_isolated_ones_their_digest() -> None:
    for entry in load_catalogue():
        fields = identity(entry)
        assert ("environment" in fields) == (entry.isolated is not None), entry.name
        if entry.isolated and (found := find_declaration(entry.isolated)):
            assert fields["environment"] == found.digest


@pytest.mark.slow
def test_build_has_packages_and_the_commit_asked_for_and_is_kept(tiny: Tiny) -> None:
    told: list[str] = []
    made = build_environment(declaration("tiny"), told.append)
    record = json.loads((made.folder / "record.json").read_text())
    assert record["commits"] == {"tiny-weights": tiny.commit}
    assert any(line.startswith("tiny-codec @ ") for line in installed(made))
    assert (made.checkouts / "tiny-weights" / "src" / "tiny_upstream.py").read_text() == "GAIN = 0.5\n"
    again: list[str] = []
    assert build_environment(declaration("tiny"), again.append) == made
    assert again == []
    assert "tiny" in names()
    assert runnable(load_catalogue().get("tiny")) == []


@pytest.mark.slow
def test_build_left_half_done_is_made_anew(tiny: Tiny) -> None:
    made = build_environment(declaration("tiny"))
    (made.folder / "record.json").unlink()
    (made.folder / "rubbish").touch()
    assert "environment tiny is not built; build it: codecgrid codecs build tiny" in str(
        runnable(load_catalogue().get("tiny"))
    )
    told: list[str] = []
    build_environment(declaration("tiny"), told.append)
    assert "interrupted" in told[0]
    assert made.built
    assert not (made.folder / "rubbish").exists()


def with_lock(made: Tiny, sha256: str) -> Declaration:
    """The declaration of `made` with a lock of its only package."""
    place = read_declaration(made.declaration).requirements[0]
    made.declaration.with_suffix(".lock").write_text(f"{place} \\\n    --hash=sha256:{sha256}\n")
    read_declaration.cache_clear()
    return read_declaration(made.declaration)


def test_build_with_a_lock_installs_files_of_its_digests_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_tiny(tmp_path)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "environments"))
    plain = read_declaration(made.declaration)
    wheel = Path(plain.requirements[0].partition("file://")[2])
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    locked = with_lock(made, digest)
    assert locked.digest == plain.digest  # of identities, which a lock does not change
    assert environment(locked) != environment(plain)
    told: list[str] = []
    built = build_environment(locked, told.append)
    assert [line.split(" @ ")[0] for line in installed(built) if line] == ["tiny-codec"]  # and nothing it asks for
    assert "packages of its lock (for this machine, of 1) by their SHA-256" in "".join(told)
    with pytest.raises(RequestError, match=r"(?si)its packages failed.*hash mismatch.*tiny.codec"):
        build_environment(with_lock(made, "0" * 64))


def test_lock_for_another_core_is_not_used_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_tiny(tmp_path, ray=True)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "environments"))
    installs: list[Sequence[str]] = []
    monkeypatch.setattr(building, "_install", lambda uv, arguments, target: installs.append(arguments))
    told: list[str] = []
    build_environment(with_lock(made, "0" * 64), told.append)
    assert "its lock is for another installation of codecgrid, without ray==" in "".join(told)
    assert "without checking any SHA-256" in "".join(told)
    assert not any("--require-hashes" in arguments for arguments in installs)


def test_every_shipped_environment_has_a_lock_of_what_it_asks_for() -> None:
    for path in sorted((REPOSITORY / "grid" / "codecs" / "environments").glob("*.yaml")):
        declared = read_declaration(path)
        packages = [line.split()[0].casefold() for line in declared.lock.splitlines() if line[:1].isalnum()]
        assert declared.lock.count("--hash=sha256:") >= len(packages) > 0, path
        for requirement in declared.requirements:
            assert requirement.casefold().replace("[tts]", "") in packages, (path, requirement)
        assert "://" not in declared.lock, path  # no index, and nothing that no hash can be given for
        if declared.ray:  # else a build would not use it; `make lock` makes both anew
            assert {line.split()[0] for line in core_pins()} <= set(packages), path


@pytest.mark.slow
def test_build_of_two_processes_at_once_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_tiny(tmp_path)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "environments"))
    code = (
        "import sys; from pathlib import Path\n"
        "from grid.codecs.isolation.building import build_environment\n"
        "from grid.codecs.isolation.declaration import read_declaration\n"
        "build_environment(read_declaration(Path(sys.argv[1])), lambda text: print(text.split()[0]))\n"
    )
    command = [sys.executable, "-c", code, str(made.declaration)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted(process.communicate(timeout=120)[0] for process in started)
    assert [process.returncode for process in started] == [0, 0]
    assert said[0] == ""
    assert said[1].split() == ["making", "fetching", "installing", "importing", "tiny"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"requirements": ["tiny-codec @ file:///nowhere/tiny_codec-1.0-py3-none-any.whl"]}, "its packages failed"),
        ({"imports": ["not_there"]}, r"(?s)the import of its modules failed.*No module named 'not_there'"),
    ],
)
def test_build_that_fails_says_what_and_leaves_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], message: str
) -> None:
    made = make_tiny(tmp_path, **changes)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "environments"))
    with pytest.raises(RequestError, match=message) as caught:
        build_environment(read_declaration(made.declaration))
    assert "codecgrid codecs build tiny" in str(caught.value)
    assert not environment(read_declaration(made.declaration)).built


def test_build_of_a_commit_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_tiny(tmp_path)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "environments"))
    made.declaration.write_text(made.declaration.read_text().replace(made.commit, "f" * 40))
    with pytest.raises(RequestError, match=f"the checkout of .* at {'f' * 40} failed"):
        build_environment(read_declaration(made.declaration))


def test_build_without_git_or_uv_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_tiny(tmp_path)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "environments"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingRequirementError, match="git, which is not here"):
        build_environment(read_declaration(made.declaration))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(MissingRequirementError, match="python -m pip install uv"):
        build_environment(read_declaration(made.declaration))

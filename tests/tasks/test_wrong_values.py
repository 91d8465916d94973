"""Wrong values on the command line: each ends with status 2 and one line that says what was wrong, before any work."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from s3fs import S3FileSystem

from grid.core.errors import RequestError
from grid.detectors.network import build_detector
from grid.detectors.spec import load_detector_spec
from grid.detectors.weights import model_bytes
from tasks import console, places
from tests.support.command_line import Ended, codecgrid
from tests.support.s3_server import S3Server
from tests.support.tiny_grid import write_corpus, write_experiment

AUDIO = "{d}/corpus/test-s0-u0.wav"
SCORE = f"score --detector aasist-tiny --weights {{d}}/w.safetensors --out {{d}}/scores.csv {AUDIO}"
EER = "eer {d}/file --protocol {d}/corpus/protocol.csv"
IMPORT = "import csv {d}/corpus/protocol.csv"
PLAN = "plan {d}/tiny.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus, an experiment, weights, a file that is none of these, and an empty folder."""
    made = tmp_path_factory.mktemp("wrong")
    write_corpus(made / "corpus", speakers=1, utterances=1)
    write_experiment(made)
    (made / "w.safetensors").write_bytes(model_bytes(build_detector(load_detector_spec("aasist-tiny"), seed=0)))
    (made / "w.pth").write_bytes((made / "w.safetensors").read_bytes()[:1000])
    (made / "file").write_text("x")
    (made / "empty").mkdir()
    return made


def said_in_one_line(ended: Ended) -> str:
    assert ended.status == 2
    assert ended.out == ""
    line = ended.err.strip()
    assert line.startswith("error: ")
    assert "\n" not in line
    return line.removeprefix("error: ")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (f"{SCORE} --crop 0", "--crop 0: it must be from 1600 to 9600000"),
        (f"{SCORE} --crop 99999999999", "--crop 99999999999: it must be from 1600 to 9600000"),
        (f"{SCORE} --batch-size 0", "--batch-size 0: it must be from 1 to 65536"),
        (f"{SCORE} --batch-size 1000000000", "--batch-size 1000000000: it must be from 1 to 65536"),
        (f"{SCORE} --device tpu", "--device: unknown device 'tpu'; did you mean 'cpu'? Choices: cpu, cuda, "),
        (f"{SCORE} --device cuda:x", "--device: unknown device 'cuda:x'"),
        (f"{SCORE} --out {{d}}/empty", "--out {d}/empty: it is a folder; give the file to write, such as {d}/empty/"),
        (f"{SCORE} --out {{d}}/file/x/s.csv", "--out {d}/file/x: {d}/file is a file and no folder; give another place"),
        (
            f"{SCORE} {AUDIO}",
            "the files to score: utterance id 'test-s0-u0' comes twice, for {d}/corpus/test-s0-u0.wav",
        ),
        (f"{SCORE} --weights {{d}}/w.pth", "{d}/w.pth: holds more than plain tensors, or is damaged: "),
        (
            f"{SCORE} --weights {{d}}/file",
            "{d}/file: unknown kind of weights file ''. Choices: .pth, .pt, .bin, .safetensors",
        ),
        (f"{EER} --replicates 0", "--replicates 0: it must be from 100 to 1000000"),
        (f"{EER} --level 1", "--level 1.0: it must be from 0.01 to 0.9999"),
        (f"{EER} --level nan", "--level nan: it must be from 0.01 to 0.9999"),
        (f"{IMPORT} --root {{d}}/file", "the root {d}/file: {d}/file is a file and no folder; give another place with"),
        (f"{IMPORT} --root {{d}}/file/x", "the root {d}/file/x: {d}/file is a file and no folder"),
        (f"{IMPORT} --max-rejected-share nan", "--max-rejected-share nan: it must be from 0 to 1"),
        (f"{IMPORT} --max-rejected-share 2", "--max-rejected-share 2.0: it must be from 0 to 1"),
        (f"{IMPORT} --name {'a' * 300}", f"--name '{'a' * 300}': a name has at most 100 characters, and this one 300"),
        (f"{IMPORT} --option delimiter=ab", "option delimiter is 'ab'; it must be one character"),
        (f"{PLAN} --root {{d}}/file", "the root {d}/file: {d}/file is a file and no folder"),
        ("run {d}/tiny.yaml --root {d}/file", "the root {d}/file: {d}/file is a file and no folder"),
        ("report {d}/tiny.yaml --out {d}/file", "--out {d}/file: {d}/file is a file and no folder"),
        ("mlflow {d}/tiny.yaml --port 65536", "--port 65536: it must be from 0 to 65535"),
        ("plan /dev/zero", "cannot read /dev/zero: it is no regular file but a pipe, a socket or a device"),
        ("codecs page {d}/empty", "PATH {d}/empty: it is a folder"),
        ("codecs page {d}/file/codecs.md", "PATH {d}/file: {d}/file is a file and no folder"),
        ("codecs train --all --configs {d}/empty", "--configs {d}/empty: no folder with a NAME.yaml for each codec"),
        ("codecs train --all --root {d}/file", "the root {d}/file: {d}/file is a file and no folder"),
        (f"resynth mu-law {AUDIO} {{d}}/out.xyz", "cannot write '{d}/out.xyz': end it with .wav, .flac, or another"),
        (f"resynth mu-law {AUDIO} {{d}}/out", "cannot write '{d}/out': end it with .wav, .flac, or another"),
        ("build cdd --asvspoof5 {d} --out {d}/file", "--out {d}/file: {d}/file is a file and no folder"),
    ],
)
def test_wrong_value_is_one_line_with_the_value_and_the_choices(folder: Path, command: str, said: str) -> None:
    ended = codecgrid(*command.format(d=folder).split())
    assert said_in_one_line(ended).startswith(said.format(d=folder))
    assert not (folder / "scores.csv").exists()


def test_score_on_cuda_without_a_gpu_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    ended = codecgrid(*SCORE.format(d=folder).split(), "--device", "cuda")
    assert said_in_one_line(ended) == "--device cuda: torch finds no GPU on this machine; use --device cpu"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("a,{a}\na,{a}\n", "utterance id 'a' comes twice, for"),
        ('"a\nb",{a}\n', r"utterance id 'a\nb' of"),
        ("a\0b,{a}\n", r"utterance id 'a\x00b' of"),
        ("", "no utterance to score"),
    ],
)
def test_score_of_a_protocol_whose_ids_fit_no_score_file_is_refused(folder: Path, rows: str, said: str) -> None:
    protocol = folder / "protocol.csv"
    protocol.write_text("utterance_id,path\n" + rows.format(a=AUDIO.format(d=folder)))
    arguments = SCORE.format(d=folder).split()[:-1]
    assert said_in_one_line(codecgrid(*arguments, "--protocol", protocol)).startswith(f"{protocol}: {said}")


def test_empty_root_is_not_taken_for_the_working_directory(folder: Path) -> None:
    for command in (PLAN, IMPORT):
        ended = codecgrid(*command.format(d=folder).split(), "--root", "")
        assert said_in_one_line(ended) == "the root is empty; give a folder, s3:// or gs:// with --root"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="the superuser may write everywhere but in /proc")
def test_root_that_cannot_be_written_is_refused_only_by_a_command_that_writes() -> None:
    with pytest.raises(RequestError, match=r"the root /proc/x: /proc cannot be written \(.+\); .* chmod u\+w /proc"):
        places.open_root("/proc/x")
    assert places.open_root("/proc/x", writes=False).root == "/proc/x"


@pytest.fixture
def _own_client() -> Iterator[None]:
    """No S3 client of another test, which would still know that test's server, and none left for others."""
    S3FileSystem.clear_instance_cache()
    yield
    S3FileSystem.clear_instance_cache()


@pytest.mark.usefixtures("_own_client")
def test_root_on_a_bucket_without_credentials_or_answer_is_one_line(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    commands = [(command, folder / "tiny.yaml") for command in ("plan", "status", "run", "doctor")]
    for command in (*commands, ("verify",), ("ls",)):
        said = said_in_one_line(codecgrid(*command, "--root", "s3://no-credentials/x"))
        assert said.startswith("the root s3://no-credentials/x does not answer (NoCredentialsError: ")
        assert said.endswith("Check its name, this machine's credentials and network")


@pytest.mark.usefixtures("_own_client")
def test_root_on_a_bucket_that_does_not_exist_is_one_line(folder: Path, s3: S3Server) -> None:
    for command in ("plan", "run"):
        said = said_in_one_line(codecgrid(command, folder / "tiny.yaml", "--root", "s3://nowhere/x"))
        assert said == "the root s3://nowhere/x: there is no such bucket; make it, or give another --root"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_what_the_operating_system_refuses_is_one_line(capsys: pytest.CaptureFixture[str], number: int) -> None:
    def write() -> None:
        raise OSError(number, os.strerror(number), "/data/x")

    with pytest.raises(SystemExit) as ended:
        console.main(write)
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"error: {os.strerror(number)}: /data/x\n"


def test_an_error_of_the_program_keeps_its_traceback() -> None:
    def fail() -> None:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "/data/x")

    with pytest.raises(FileNotFoundError):
        console.main(fail)

"""The environment variables that Ray is started with, each with its reason, and the token of a cluster."""

from __future__ import annotations

import logging
import os
import secrets
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grid.core.errors import MissingRequirementError

logger = logging.getLogger(__name__)

AUTH_MODE = "RAY_AUTH_MODE"


@dataclass(frozen=True)
class Setting:
    """One environment variable, its value where the user has set none, and the reason."""

    name: str
    value: str
    why: str


AUTHENTICATION = Setting(
    AUTH_MODE,
    "token",
    "unset, a local session turns tokens on but a client does not send one: all processes need the same mode",
)

EVERYWHERE = (
    Setting("RAY_USAGE_STATS_ENABLED", "0", "nothing is reported to anyone"),
    Setting("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0", "below `uv run`, Ray would rebuild the environment in every worker"),
    Setting(
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1", "the store holds the results; Tune's own files would duplicate them"
    ),
    Setting("RAY_CHDIR_TO_TRIAL_DIR", "0", "a trial that changes folder breaks every relative path of the request"),
    Setting("RAY_AIR_NEW_OUTPUT", "0", "Tune's newer output prints a box on stdout, which is ours, even at verbose=0"),
    Setting(
        "RAY_BACKEND_LOG_LEVEL",
        "fatal",
        "the C++ part of Ray prints on the driver's terminal, in every run, that an actor of Ray Data may restart; "
        "what matters is raised as an exception too. `info` fills Ray's log files again",
    ),
    Setting("RAY_DATA_DISABLE_PROGRESS_BARS", "1", "a job's log is a file; bars fill it with control characters"),
    Setting(
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO",
        "1",
        "since Ray 2.60 a worker that asked for no GPU still sees them all unless this is set",
    ),
    Setting("MLFLOW_DISABLE_TELEMETRY", "true", "nothing is reported to anyone"),
)

LOOPBACK = Setting(
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER",
    "0",
    "off, Ray takes 127.0.0.1 as this node's address and every server binds to it; `_node_ip_address` cannot do that, "
    "because Ray replaces a loopback address by another one and then listens on all interfaces",
)


def prepare(*, loopback: bool) -> None:
    """Sets the variables in this process's environment; a value that the user has set is kept.

    Call it before the first `import ray`: Ray reads the token mode and the loopback switch only once, at import. After
    that, those two stay as they are (Ray's own default for a local session is also a token) and a warning is logged.
    """
    read_at_import = (AUTHENTICATION, LOOPBACK) if loopback else (AUTHENTICATION,)
    missing = [setting for setting in read_at_import if setting.name not in os.environ]
    if "ray" in sys.modules and missing:
        names = ", ".join(f"{setting.name}={setting.value}" for setting in missing)
        logger.warning("ray was imported before its settings were made; set these before Python starts: %s", names)
        missing = []
    for setting in (*missing, *EVERYWHERE):
        os.environ.setdefault(setting.name, setting.value)


def for_workers(extra: Iterable[tuple[str, str]] = ()) -> dict[str, str]:
    """The variables of a job on a cluster: `EVERYWHERE`, then `extra`, which has precedence."""
    return {setting.name: os.environ.get(setting.name, setting.value) for setting in EVERYWHERE} | dict(extra)


def uses_token() -> bool:
    """Whether this process authenticates with a token: RAY_AUTH_MODE is `token`, or unset."""
    return os.environ.get(AUTH_MODE, AUTHENTICATION.value).lower() == "token"


def token_path() -> Path:
    """The file that holds the token: RAY_AUTH_TOKEN_PATH, or `~/.ray/auth_token`."""
    return Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")


def ensure_token() -> None:
    """Creates a token if there is none, readable by its owner only; corrects the mode of one that others can read.

    Ray 2.60 creates the file with mode 0644, so it is created here before Ray does.
    """
    if not uses_token() or os.environ.get("RAY_AUTH_TOKEN"):
        return
    path = token_path()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_hex(32))
    protect_token()


def protect_token() -> None:
    """Removes the rights of group and others from the token file, where this user may change it."""
    path = token_path()
    with suppress(OSError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            path.chmod(0o600)
            logger.info("%s was readable by others (mode %o); it is now 600", path, mode)


def token() -> str:
    """The token, from the places where Ray looks: RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH, `~/.ray/auth_token`.

    Raises MissingRequirementError when there is none.
    """
    if value := os.environ.get("RAY_AUTH_TOKEN", "").strip():
        return value
    path = token_path()
    try:
        return path.read_text().strip()
    except OSError as error:
        raise MissingRequirementError(
            f"no Ray token at {path}: {error.strerror}. Copy the cluster's token there, or make one before the cluster "
            "starts: ray get-auth-token --generate. A cluster without tokens: export RAY_AUTH_MODE=disabled"
        ) from error

#!/usr/bin/env bash
# A Ray head on this machine, for trying out the cluster path. It listens on loopback only and asks for a token.
# It stays in the foreground; Ctrl-C ends it (never `ray stop`, which ends every Ray of the machine).
# Ray's usual ports where they are free, others beside another Ray; it prints where its dashboard is.
# Change by environment: GCS_PORT, DASHBOARD_PORT, CPUS, OBJECT_STORE_BYTES. More options of `ray start` may follow.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# A job's `python` is found by PATH, so the environment that holds ray must come first.
PATH="${VIRTUAL_ENV:-$here/.venv}/bin:$PATH"

export RAY_AUTH_MODE=token                   # the token: RAY_AUTH_TOKEN_PATH, or ~/.ray/auth_token
export RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0   # off: every server of this node binds to 127.0.0.1
export RAY_USAGE_STATS_ENABLED=0
export RAY_ENABLE_UV_RUN_RUNTIME_ENV=0
export RAY_JOB_STOP_SIGNAL=SIGINT            # `codecgrid stop`: the driver saves, ...
export RAY_JOB_STOP_WAIT_TIME_S=30           # ... and has this long before SIGKILL

(cd "$here" && python -c 'from cluster.runtime import environment; environment.ensure_token()')

# the GCS, the dashboard, its agent and Ray's client server; the agent's port is fixed unless it is said
read -r gcs dashboard agent client < <(python - <<'END'
import socket

held = []
for usual in (6379, 8265, 52365, 10001):
    for port in (usual, 0):  # 0: any that is free
        one = socket.socket()
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            continue
        held.append(one)
        break
print(*(one.getsockname()[1] for one in held))
END
)
dashboard="${DASHBOARD_PORT:-$dashboard}"
echo "dashboard: http://127.0.0.1:$dashboard    codecgrid submit CONFIG --address http://127.0.0.1:$dashboard --root /FOLDER"

exec ray start --head --block \
  --port="${GCS_PORT:-$gcs}" \
  --dashboard-host=127.0.0.1 --dashboard-port="$dashboard" \
  --dashboard-agent-listen-port="$agent" --ray-client-server-port="$client" \
  --num-cpus="${CPUS:-$(nproc)}" \
  --object-store-memory="${OBJECT_STORE_BYTES:-256000000}" \
  "$@"

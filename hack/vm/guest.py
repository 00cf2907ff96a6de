"""What runs inside: a unit of systemd starts the tests, tells what they print by one virtio port and hands files out by another."""
from __future__ import annotations

from pathlib import Path

VENV = "/opt/picokube"
CHECKOUT = "/root/picokube"
TEXT, FILES = "picokube.text", "picokube.files"
DEVICE = f"dev-virtio\\x2dports-{TEXT}.device"
RESULTS = "/var/tmp/results"        # JUnit's report and what else a run leaves

# Emulated on a busy machine, whoever imports a module may miss ten seconds; there is nobody else to lead.
PATIENCE = " ".join(f"--component-arg={one}" for one in (
    "controllers=--leader-elect=false", "scheduler=--leader-elect=false", "controllers=--node-monitor-grace-period=10m"))

UNIT = f"""[Unit]
Description=picokube's tests
Requires={DEVICE}
After={DEVICE} systemd-logind.service network.target
SuccessAction=poweroff-force
FailureAction=poweroff-force

[Service]
Type=oneshot
WorkingDirectory={CHECKOUT}
Environment=HOME=/root PATH={VENV}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "PICOKUBE_TEST_UP={PATIENCE}"
ExecStart=/root/run-tests
TimeoutStartSec=infinity
StandardOutput=journal
StandardError=journal
"""

SCRIPT = f"""#!/bin/sh
# What is printed goes to the host as it comes; the last line tells the exit code.
exec >/dev/virtio-ports/{TEXT} 2>&1
mkdir -p {RESULTS}
echo "guest: Linux $(uname -r), $(systemctl --version | head -1), $(runc --version | head -1), cgroups $(stat -fc %T /sys/fs/cgroup)" \\
     "($(cat /sys/fs/cgroup/cgroup.controllers)), up $(cut -d' ' -f1 /proc/uptime) s"
{{command}}
code=$?
journalctl --no-pager --boot --priority=warning >{RESULTS}/journal.txt 2>&1
tar -C {RESULTS} -cf /dev/virtio-ports/{FILES} .
echo "exit code: $code"
sync
"""

HOSTS = "127.0.0.1 localhost picokube-vm\n::1 localhost\n"


def write(root: Path, command: str) -> None:
    """The unit, for the boot after this; `command` is a line of sh, run in the checkout."""
    (root / "root/run-tests").write_text(SCRIPT.replace("{command}", command))
    (root / "root/run-tests").chmod(0o755)
    unit = root / "etc/systemd/system/picokube-tests.service"
    unit.write_text(UNIT)
    wanted = root / "etc/systemd/system/multi-user.target.wants" / unit.name
    wanted.parent.mkdir(parents=True, exist_ok=True)
    wanted.unlink(missing_ok=True)
    wanted.symlink_to(f"../{unit.name}")
    (root / "etc/hosts").write_text(HOSTS)
    (root / "etc/hostname").write_text("picokube-vm\n")
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    for service in ("etcd", "docker-registry"):
        (root / f"etc/systemd/system/multi-user.target.wants/{service}.service").unlink(missing_ok=True)

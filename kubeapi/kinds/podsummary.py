"""A Pod in one line, as `get pods` shows it: how many containers are ready, one word of status, restarts."""
from __future__ import annotations

from typing import Any, NamedTuple

from kubeapi.duration import age_of

Document = dict[str, Any]


class PodSummary(NamedTuple):
    ready: int
    containers: int
    status: str
    restarts: int
    last_restart: str                             # a timestamp, or empty

    def restarts_text(self, now: float) -> str:
        if not self.restarts or not self.last_restart:
            return str(self.restarts)
        return f"{self.restarts} ({age_of(self.last_restart, now)} ago)"


def condition(status: Document, type: str) -> Document:
    return next((each for each in status.get("conditions") or () if each.get("type") == type), {})


def _last_finish(statuses: list[Document]) -> str:
    """RFC 3339 texts in UTC sort as times."""
    return max((((each.get("lastState") or {}).get("terminated") or {}).get("finishedAt") or "" for each in statuses), default="")


def _exit_word(terminated: Document) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    signal = terminated.get("signal")
    return f"Signal:{signal}" if signal else f"ExitCode:{terminated.get('exitCode', 0)}"


def _restartable(spec: Document) -> set[str]:
    return {each.get("name", "") for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"}


def _initialization(spec: Document, statuses: list[Document], sidecars: set[str]) -> tuple[str, int]:
    """(the status word while init containers run, or empty; how many sidecars are ready)."""
    ready = 0
    for index, each in enumerate(statuses):
        state = each.get("state") or {}
        terminated, waiting = state.get("terminated"), (state.get("waiting") or {}).get("reason", "")
        if terminated is not None and not terminated.get("exitCode"):
            continue
        if each.get("name") in sidecars and each.get("started"):
            ready += bool(each.get("ready"))
            continue
        if terminated is not None:
            return f"Init:{_exit_word(terminated)}", ready
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}", ready
        return f"Init:{index}/{len(spec.get('initContainers') or ())}", ready
    return "", ready


def _running(word: str, status: Document) -> tuple[str, int]:
    """(the status word told by the containers, how many of them are ready)."""
    ready = 0
    for each in reversed(status.get("containerStatuses") or []):
        state = each.get("state") or {}
        if reason := (state.get("waiting") or {}).get("reason"):
            word = reason
        elif state.get("terminated") is not None:
            word = _exit_word(state["terminated"])
        elif each.get("ready") and state.get("running") is not None:
            ready += 1
    if word == "Completed" and ready:
        word = "Running" if condition(status, "Ready").get("status") == "True" else "NotReady"
    return word, ready


def summarize(pod: Document) -> PodSummary:
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    phase = status.get("phase", "")
    word = status.get("reason") or phase
    if condition(status, "PodScheduled").get("reason") == "SchedulingGated":
        word = "SchedulingGated"
    sidecars = _restartable(spec)
    init = status.get("initContainerStatuses") or []
    initializing, ready = _initialization(spec, init, sidecars)
    counted = init
    if initializing:
        word = initializing
    if not initializing or condition(status, "Initialized").get("status") == "True":
        word, running = _running(word, status)
        ready += running
        counted = [each for each in init if each.get("name") in sidecars] + (status.get("containerStatuses") or [])
    if (pod.get("metadata") or {}).get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            word = "Unknown"
        elif phase not in ("Succeeded", "Failed"):
            word = "Terminating"
    return PodSummary(ready, len(spec.get("containers") or ()) + len(sidecars), word,
                      sum(each.get("restartCount", 0) for each in counted), _last_finish(counted))

"""Whatever is asked for, an answer comes in time, it is never a 500, and what is refused has changed nothing.

test_fuzz.py follows the schemas of one group-version after the other; here objects exist, are spoilt in one place, and are looked at
afterwards. PICOKUBE_FUZZ_SECONDS (as there: ten times that) and PICOKUBE_FUZZ_SEED make it longer and other; a failure says which it was.
"""
from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import TestCluster
from tests.conformance.conftest import Answer, Api
from tests.conformance.documents import Document
from tests.conformance.nonsense import PROTOBUF, TABLE, YAML, Fuzzer, Operation, Request, operations

SECONDS = 10 * float(os.environ.get("PICOKUBE_FUZZ_SECONDS", "2"))
SEED = os.environ.get("PICOKUBE_FUZZ_SEED", "1")
# What a server may answer that is asked for nonsense; 504 to a revision that is yet to come.
EXPECTED = {200, 201, 202, 400, 403, 404, 405, 406, 409, 410, 413, 415, 422, 429, 504}


@pytest.fixture(scope="module")
def namespace(cluster: TestCluster) -> str:
    """Of its own: others count on what is in theirs."""
    assert cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": "fuzz"}})[0] == 201
    assert cluster.request("POST", "/api/v1/namespaces/fuzz/serviceaccounts", {"metadata": {"name": "default"}})[0] == 201
    return "fuzz"


@pytest.fixture(scope="module")
def api(cluster: TestCluster, namespace: str) -> Iterator[Api]:
    from picokube.ready import connection
    found = Api(lambda: connection(cluster.cluster, 20), namespace)
    yield found
    found.close()


def group_versions(api: Api) -> list[str]:
    return sorted(one for one in api.ask("GET", "/openapi/v3").document["paths"] if one.count("/") in (1, 2))


def group_of(group_version: str) -> str:
    return group_version.split("/")[1] if group_version.startswith("apis/") else ""


def state(api: Api, request: Request) -> Any:
    """What is stored where the request writes to."""
    found = api.ask("GET", request.path.partition("?")[0])
    return found.document if found.code == 200 else found.code


def fault(request: Request, answer: Answer) -> str:
    if answer.code not in EXPECTED:
        return "unexpected code"
    if answer.code >= 400 and "json" in (answer.headers["content-type"] or ""):
        told: Document = answer.document
        if (told.get("kind"), told.get("code")) != ("Status", answer.code) or not told.get("message"):
            return "no Status"
    return ""


def test_every_operation_withstands_nonsense(api: Api, namespace: str) -> None:
    served = {one: api.ask("GET", f"/openapi/v3/{one}").document for one in group_versions(api)}
    until, round_number, faults = time.monotonic() + SECONDS, 0, list[str]()
    fuzzers = {one: Fuzzer(f"{SEED}/{one}", openapi["components"]["schemas"], namespace) for one, openapi in served.items()}
    asked: list[tuple[str, Operation]] = [(one, operation) for one, openapi in served.items() for operation in operations(openapi, group_of(one))]
    fuzzers["api/v1"].chance.shuffle(asked)
    while time.monotonic() < until and len(faults) < 20:
        served_from, operation = asked[round_number % len(asked)]
        faults += [f"{SEED}/{round_number} {one}" for one in tried(api, fuzzers[served_from].request(operation), operation)]
        round_number += 1
    assert not faults, "\n".join(faults)
    assert round_number >= min(len(asked), SECONDS)


def tried(api: Api, request: Request, operation: Operation) -> Iterator[str]:
    is_one = request.method in ("PUT", "PATCH", "DELETE") and "{name}" in operation.path
    before = state(api, request) if is_one else None
    headers = {"Accept": request.accept} if request.accept else {}
    answer = api.ask(request.method, request.path, request.body if request.body is not None or request.method != "DELETE" else b"", request.media, **headers)
    shown = f"{request.method} {request.path} {request.media} Accept {request.accept}: {answer.code} {answer.raw[:400]!r}\n    {(request.body or b'')[:2000]!r}"
    if said := fault(request, answer):
        yield f"{said}: {shown}"
    if is_one and answer.code >= 400 and state(api, request) != before:
        yield f"refused, but something was written: {shown}"
    if answer.code == 201 and request.method in ("POST", "PUT"):
        for accept in (PROTOBUF, TABLE, YAML):
            read = api.ask("GET", request.path.partition("?")[0] + "?limit=3", Accept=accept)
            if read.code not in (200, 404, 405):
                yield f"stored, but unreadable as {accept} ({read.code} {read.raw[:300]!r}): {shown}"

"""Addresses and node ports of Services, through two API servers at once: each is had by one."""
from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from kubeapi.catalog import by_plural
from tests.conformance.conftest import Api

SERVICES, ADDRESSES = by_plural("", "services"), by_plural("networking.k8s.io", "ipaddresses")
CREATORS, EACH = 16, 12
Document = dict[str, Any]


def a_service(name: str, **port: Any) -> Document:
    return {"metadata": {"name": name, "labels": {"many": "yes"}}, "spec": {"type": "NodePort", "ports": [{"port": 80, **port}]}}


def _at_once(api: Api, other: Api, bodies: list[list[Document]]) -> list[tuple[int, Document]]:
    """Every list by a thread of its own, half of them at each server."""
    found: list[tuple[int, Document]] = []

    def create(number: int) -> None:
        mine = Api((api, other)[number % 2]._connect, api.namespace)
        for body in bodies[number]:
            answer = mine.ask("POST", mine.path(SERVICES), body)
            found.append((answer.code, answer.document))
        mine.close()

    threads = [threading.Thread(target=create, args=(number,)) for number in range(len(bodies))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return found


def test_many_creators_at_two_servers_get_ports_and_addresses_of_their_own(api: Api, other: Api) -> None:
    made = _at_once(api, other, [[a_service(f"many-{number}-{each}") for each in range(EACH)] for number in range(CREATORS)])
    try:
        assert Counter(code for code, _ in made) == {201: CREATORS * EACH}, [one for code, one in made if code != 201][:3]
        specs = [one["spec"] for _, one in made]
        assert Counter(Counter(spec["ports"][0]["nodePort"] for spec in specs).values()) == {1: CREATORS * EACH}
        assert Counter(Counter(spec["clusterIP"] for spec in specs).values()) == {1: CREATORS * EACH}
    finally:
        for _, one in made:
            api.ask("DELETE", api.path(SERVICES, one["metadata"]["name"]))


def test_of_those_who_ask_for_one_port_at_two_servers_one_gets_it_and_the_next_when_it_is_gone(api: Api, other: Api) -> None:
    for turn in range(3):
        made = _at_once(api, other, [[a_service(f"same-{turn}-{number}", nodePort=32001)] for number in range(8)])
        (winner,) = [one for code, one in made if code == 201]
        refused = [one for code, one in made if code != 201]
        assert {one["details"]["causes"][0]["message"] for one in refused} == {"Invalid value: 32001: provided port is already allocated"}
        (other, api)[turn % 2].ask("DELETE", api.path(SERVICES, winner["metadata"]["name"]))


def test_an_address_that_is_lost_is_allocated_anew(api: Api) -> None:
    address = api.make(SERVICES, "lost-address").document["spec"]["clusterIP"]
    path = f"/apis/networking.k8s.io/v1/ipaddresses?fieldSelector=metadata.name%3D{address}"
    start = api.ask("GET", path).metadata["resourceVersion"]
    gone = api.ask("DELETE", f"/apis/networking.k8s.io/v1/ipaddresses/{address}")
    assert gone.code == 200, gone.raw
    with api.watching(f"{path}&resourceVersion={start}") as events:
        assert [next(events)["type"] for _ in range(2)] == ["DELETED", "ADDED"]
    again = api.ask("GET", f"/apis/networking.k8s.io/v1/ipaddresses/{address}").document
    assert again["spec"]["parentRef"] == {"group": "", "resource": "services", "namespace": api.namespace, "name": "lost-address"}
    api.ask("DELETE", api.path(SERVICES, "lost-address"))

"""Where a proxied request goes, and which of its headers go with it."""
from __future__ import annotations

from typing import Any

import pytest

from apiserver.http import proxy
from apiserver.http.proxy import Location, forwarded, redirected, split_name, split_path
from kubeapi import errors


@pytest.mark.parametrize(("text", "found"), [
    ("a", ("http", "a", "")), ("a:80", ("http", "a", "80")), ("a:web", ("http", "a", "web")), ("https:a:443", ("https", "a", "443")),
    ("https:a:", ("https", "a", "")), (":a:80", ("http", "a", "80"))])
def test_names_may_hold_scheme_and_port(text: str, found: tuple[str, str, str]) -> None:
    assert tuple(split_name("pod", text)) == found


@pytest.mark.parametrize("text", ["", "a:", ":80", "ftp:a:21", "https::1", "a:b:c:d", "a:0", "a:65536", "a:1@example.com", "a:99999999999999999999"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(errors.BadRequest, match="invalid pod request"):
        split_name("pod", text)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "169.254.169.254", "::1", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "::ffff:127.0.0.1", "255.255.255.255",
                                     "", "localhost", "10.0.0.1@127.0.0.1"])
def test_the_server_s_own_place_is_lent_to_nobody(address: str) -> None:
    with pytest.raises(errors.BadRequest, match="address not allowed"):
        proxy._of_pod({"spec": {"containers": [{}]}, "status": {"podIP": address}}, "http", "80")


@pytest.mark.parametrize(("scheme", "address", "port", "host"), [
    ("http", "10.1.2.3", "", "10.1.2.3:8080"), ("https", "10.1.2.3", "9", "10.1.2.3:9"), ("http", "fd00::1", "80", "[fd00::1]:80")])
def test_a_pod_is_reached_at_its_first_port_or_the_one_asked_for(scheme: str, address: str, port: str, host: str) -> None:
    pod = {"spec": {"containers": [{}, {"ports": [{"containerPort": 8080}]}]}, "status": {"podIP": address}}
    assert proxy._of_pod(pod, scheme, port) == Location(scheme, host)


@pytest.mark.parametrize(("raw", "found"), [
    (b"/api/v1/nodes/a/proxy", ("/api/v1/nodes/a/proxy", "")), (b"/api/v1/nodes/a/proxy/", ("/api/v1/nodes/a/proxy", "/")),
    (b"/api/v1/nodes/proxy-1/proxy/x%2Fy/proxy/z", ("/api/v1/nodes/proxy-1/proxy", "/x%2Fy/proxy/z")),
    (b"/api/v1/namespaces/proxyhouse/pods/p:80/proxy//a", ("/api/v1/namespaces/proxyhouse/pods/p:80/proxy", "//a")),
    (b"/api/v1/namespaces/proxy/pods/proxy/proxy/proxy/a", ("/api/v1/namespaces/proxy/pods/proxy/proxy", "/proxy/a")),
    (b"/api/v1/nodes/proxy/proxy/a", ("/api/v1/nodes/proxy/proxy", "/a"))])
def test_what_follows_goes_on_as_it_came(raw: bytes, found: tuple[str, str]) -> None:
    assert split_path({"raw_path": raw, "path": ""}) == found


@pytest.mark.parametrize("raw", [b"/api/v1/nodes/a/%70roxy/x", b"/api/v1/nodes%2Fa/proxy/x"])
def test_a_path_that_hides_what_it_names_is_refused(raw: bytes) -> None:
    with pytest.raises(errors.BadRequest):
        split_path({"raw_path": raw, "path": ""})


def test_the_client_s_credentials_stay() -> None:
    scope: dict[str, Any] = {"client": ("192.0.2.1", 1), "headers": [
        (b"authorization", b"Bearer secret"), (b"impersonate-user", b"a"), (b"x-remote-user", b"a"), (b"connection", b"close, x-hop"), (b"x-hop", b"1"),
        (b"upgrade", b"x"), (b"host", b"api"), (b"accept", b"text/html"), (b"x-forwarded-for", b"198.51.100.1")]}
    assert forwarded(scope, "/p/x") == [("host", "api"), ("accept", "text/html"), ("X-Forwarded-For", "198.51.100.1, 192.0.2.1"), ("X-Forwarded-Uri", "/p/x")]


@pytest.mark.parametrize(("target", "shown"), [
    ("/login?a=1#b", "/p/proxy/login?a=1#b"), ("http://10.0.0.1:80/x", "/p/proxy/x"), ("https://example.com/x", "https://example.com/x"), ("x", "x"),
    ("/p/proxy/x", "/p/proxy/x"), ("//[", "//[")])
def test_redirections_to_the_same_place_lead_through_the_proxy(target: str, shown: str) -> None:
    assert redirected(target, Location("http", "10.0.0.1:80"), "/p/proxy") == shown

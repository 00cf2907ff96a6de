"""Validation of webhook configurations and of what admission policies share with them: rules, match conditions, clients."""
from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from kubeapi.fielderrors import FieldError, duplicate, invalid, not_supported, required, too_many
from kubeapi.names import dns1035_label_faults, dns1123_subdomain_faults, port_number_faults, qualified_name_faults
from kubeapi.validation.selectors import validate_label_selector

Document = dict[str, Any]
REVIEW_VERSIONS = ("v1", "v1beta1")
FAILURE_POLICIES, MATCH_POLICIES = ("Fail", "Ignore"), ("Equivalent", "Exact")
MAX_CONDITIONS = 64
_SIDE_EFFECTS, _REINVOCATIONS = ("None", "NoneOnDryRun"), ("IfNeeded", "Never")
_OPERATIONS, _SCOPES = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE"), ("*", "Cluster", "Namespaced")
_URL_FORM = "; desired format: https://host[/path]"


def default_webhook(hook: Document) -> None:
    hook.setdefault("failurePolicy", "Fail")
    hook.setdefault("timeoutSeconds", 10)
    default_match(hook, "rules")
    if (service := (hook.get("clientConfig") or {}).get("service")) is not None:
        service.setdefault("port", 443)


def default_match(match: Document, rules: str) -> None:
    """What webhooks and policies share: everything matches, by any version of it."""
    match.setdefault("matchPolicy", "Equivalent")
    match.setdefault("namespaceSelector", {})
    match.setdefault("objectSelector", {})
    for rule in match.get(rules) or ():
        rule.setdefault("scope", "*")


def validate_webhooks(hooks: list[Document]) -> list[FieldError]:
    faults: list[FieldError] = []
    names: set[str] = set()
    for index, hook in enumerate(hooks):
        at, name = f"webhooks[{index}]", hook.get("name", "")
        faults += _webhook(hook, at)
        faults += _review_versions(hook.get("admissionReviewVersions") or [], f"{at}.admissionReviewVersions")
        if name and name in names:
            faults.append(duplicate(f"{at}.name", name))
        names.add(name)
    return faults


def supported(value: str | None, path: str, values: tuple[str, ...]) -> list[FieldError]:
    """None is no fault."""
    return [] if value is None or value in values else [not_supported(path, value, values)]


def _webhook(hook: Document, path: str) -> list[FieldError]:
    effects, seconds = hook.get("sideEffects"), hook.get("timeoutSeconds")
    faults = _qualified(hook.get("name", ""), f"{path}.name")
    faults += validate_rules(hook.get("rules") or [], f"{path}.rules")
    faults += supported(hook.get("failurePolicy"), f"{path}.failurePolicy", FAILURE_POLICIES)
    faults += supported(hook.get("matchPolicy"), f"{path}.matchPolicy", MATCH_POLICIES)
    faults += [required(f"{path}.sideEffects", f"must specify one of {', '.join(_SIDE_EFFECTS)}")] if effects is None else supported(
        effects, f"{path}.sideEffects", _SIDE_EFFECTS)
    if seconds is not None and not 1 <= seconds <= 30:
        faults.append(invalid(f"{path}.timeoutSeconds", seconds, "the timeout value must be between 1 and 30 seconds"))
    for name in ("namespaceSelector", "objectSelector"):
        faults += validate_label_selector(hook.get(name), f"{path}.{name}")
    faults += supported(hook.get("reinvocationPolicy"), f"{path}.reinvocationPolicy", _REINVOCATIONS)
    faults += _client(hook.get("clientConfig") or {}, f"{path}.clientConfig")
    return faults + validate_match_conditions(hook.get("matchConditions") or [], f"{path}.matchConditions")


def _qualified(name: str, path: str) -> list[FieldError]:
    if not name:
        return [required(path)]
    if wrong := dns1123_subdomain_faults(name):
        return [invalid(path, name, ",".join(wrong))]
    return [] if name.count(".") >= 2 else [invalid(path, name, "should be a domain with at least three segments separated by dots")]


def _review_versions(versions: list[str], path: str) -> list[FieldError]:
    known = ", ".join(REVIEW_VERSIONS)
    if not versions:
        return [required(path, f"must specify one of {known}")]
    faults = []
    for index, version in enumerate(versions):
        if version in versions[:index]:
            faults.append(invalid(f"{path}[{index}]", version, "duplicate version"))
        else:
            faults += [invalid(f"{path}[{index}]", version, fault) for fault in dns1035_label_faults(version)]
    return faults if set(versions) & set(REVIEW_VERSIONS) else [*faults, invalid(path, versions, f"must include at least one of {known}")]


def validate_rules(rules: list[Document], path: str) -> list[FieldError]:
    return [fault for index, rule in enumerate(rules) for fault in _rule(rule, f"{path}[{index}]")]


def _rule(rule: Document, path: str) -> list[FieldError]:
    faults: list[FieldError] = []
    for name, what in (("operations", "operations"), ("apiGroups", "API groups"), ("apiVersions", "API versions")):
        at, values = f"{path}.{name}", rule.get(name) or []
        if not values:
            faults.append(required(at))
        if len(values) > 1 and "*" in values:
            faults.append(invalid(at, values, f"if '*' is present, must not specify other {what}"))
        if name == "operations":
            faults += [not_supported(f"{at}[{index}]", value, _OPERATIONS) for index, value in enumerate(values) if value not in _OPERATIONS]
        if name == "apiVersions":
            faults += [required(f"{at}[{index}]") for index, value in enumerate(values) if not value]
    return faults + _resources(rule.get("resources") or [], f"{path}.resources") + supported(rule.get("scope"), f"{path}.scope", _SCOPES)


def _resources(resources: list[str], path: str) -> list[FieldError]:
    faults = [] if resources else [required(path)]
    any_of_resource: set[str] = set()
    any_with_subresource: set[str] = set()
    for index, text in enumerate(resources):
        at = f"{path}[{index}]"
        if not text:
            faults.append(required(at))
        resource, slash, subresource = text.partition("/")
        if not slash:
            continue
        if resource in any_of_resource:
            faults.append(invalid(at, text, f"if '{resource}/*' is present, must not specify {text}"))
        if subresource in any_with_subresource:
            faults.append(invalid(at, text, f"if '*/{subresource}' is present, must not specify {text}"))
        any_of_resource |= {resource} if subresource == "*" else set()
        any_with_subresource |= {subresource} if resource == "*" else set()
    if len(resources) > 1 and "*/*" in resources:
        faults.append(invalid(path, resources, "if '*/*' is present, must not specify other resources"))
    if "*" in resources and any(text != "*" and "/" not in text for text in resources):
        faults.append(invalid(path, resources, "if '*' is present, must not specify other resources without subresources"))
    return faults


def validate_match_conditions(conditions: list[Document], path: str) -> list[FieldError]:
    """The expressions themselves are CEL's to check."""
    faults = [too_many(path, len(conditions), MAX_CONDITIONS)] if len(conditions) > MAX_CONDITIONS else []
    counts = Counter[str]()
    for index, each in enumerate(conditions):
        at, name = f"{path}[{index}]", each.get("name", "")
        if not each.get("expression", "").strip():
            faults.append(required(f"{at}.expression"))
        faults += [invalid(f"{at}.name", name, fault) for fault in qualified_name_faults(name)] if name else [required(f"{at}.name")]
        counts[name] += 1
        if name and counts[name] > 1:
            faults.append(duplicate(f"{at}.name", name))
    return faults


def _client(client: Document, path: str) -> list[FieldError]:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        return [required(path, "exactly one of url or service is required")]
    return _url(url, f"{path}.url") if url is not None else _service(service or {}, f"{path}.service")


def _url(text: str, path: str) -> list[FieldError]:
    try:
        url = urlsplit(text)
    except ValueError as error:
        return [required(path, f"url must be a valid URL: {error}{_URL_FORM}")]
    user, _, host = url.netloc.rpartition("@")
    faults = [] if url.scheme == "https" else [invalid(path, url.scheme, f"'https' is the only allowed URL scheme{_URL_FORM}")]
    if not host:
        faults.append(invalid(path, host, f"host must be specified{_URL_FORM}"))
    for value, what in ((user, "user information is"), (url.fragment, "fragments are"), (url.query, "query parameters are")):
        if value:
            faults.append(invalid(path, value, f"{what} not permitted in the URL"))
    return faults


def _service(service: Document, path: str) -> list[FieldError]:
    faults = [required(f"{path}.{name}", f"service {name} is required") for name in ("name", "namespace") if not service.get(name)]
    port, where = service.get("port", 443), service.get("path")
    if wrong := port_number_faults(port):
        faults.append(invalid(f"{path}.port", port, f"port is not valid: {','.join(wrong)}"))
    if where in (None, "", "/"):
        return faults
    if where == "//":
        return [*faults, invalid(f"{path}.path", where, "segment[0] may not be empty")]
    if not where.startswith("/"):
        faults.append(invalid(f"{path}.path", where, "must start with a '/'"))
    for index, step in enumerate(where[1:].removesuffix("/").split("/")):
        wrong = [f": {fault}" for fault in dns1123_subdomain_faults(step)] if step else [" may not be empty"]
        faults += [invalid(f"{path}.path", where, f"segment[{index}]{fault}") for fault in wrong]
    return faults

"""Validation of admission policies and their bindings, but for the CEL in them: only the shape."""
from __future__ import annotations

from typing import Any

from kubeapi.fielderrors import FieldError, duplicate, forbidden, invalid, not_supported, required
from kubeapi.names import dns1123_subdomain_faults
from kubeapi.validation.selectors import validate_label_selector
from kubeapi.validation.webhooks import (
    FAILURE_POLICIES,
    MATCH_POLICIES,
    default_match,
    supported,
    validate_match_conditions,
    validate_rules,
)

Document = dict[str, Any]
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized")
_ACTIONS = ("Audit", "Deny", "Warn")
_BOTH = ('must not contain both "Deny" and "Warn" (repeating the same validation failure information in the API response and headers serves '
         "no purpose)")
_NEITHER = "validations or auditAnnotations must be non-empty"


def default_match_resources(match: Document | None) -> None:
    if match is not None:
        default_match(match, "resourceRules")
        for rule in match.get("excludeResourceRules") or ():
            rule.setdefault("scope", "*")


def validate_policy(spec: Document) -> list[FieldError]:
    """What validating and mutating policies share."""
    policy, match, kind = spec.get("failurePolicy"), spec.get("matchConstraints"), spec.get("paramKind")
    faults = [required("spec.failurePolicy")] if policy is None else supported(policy, "spec.failurePolicy", FAILURE_POLICIES)
    if kind is not None:
        faults += [required(f"spec.paramKind.{name}") for name in ("apiVersion", "kind") if not kind.get(name)]
    if match is None:
        faults.append(required("spec.matchConstraints"))
    else:
        faults += _match(match, "spec.matchConstraints")
        if not match.get("resourceRules"):
            faults.append(required("spec.matchConstraints.resourceRules"))
    return faults + validate_match_conditions(spec.get("matchConditions") or [], "spec.matchConditions")


def validate_validations(spec: Document) -> list[FieldError]:
    validations, audits = spec.get("validations") or [], spec.get("auditAnnotations") or []
    if not validations and not audits:
        return [required("spec.validations", _NEITHER), required("spec.auditAnnotations", _NEITHER)]
    return [fault for index, each in enumerate(validations) for fault in _validation(each, f"spec.validations[{index}]")]


def _validation(each: Document, path: str) -> list[FieldError]:
    message, expression = each.get("message", ""), each.get("messageExpression", "")
    faults = [] if each.get("expression", "").strip() else [required(f"{path}.expression", "expression is not specified")]
    if expression and not expression.strip():
        faults.append(invalid(f"{path}.messageExpression", expression, "must be non-empty if specified"))
    if message and not message.strip():
        faults.append(invalid(f"{path}.message", message, "message must be non-empty if specified"))
    elif "\n" in message.strip():
        faults.append(invalid(f"{path}.message", message, "message must not contain line breaks"))
    return faults + supported(each.get("reason"), f"{path}.reason", _REASONS)


def _match(match: Document, path: str) -> list[FieldError]:
    faults = [fault for name in ("namespaceSelector", "objectSelector") for fault in validate_label_selector(match.get(name), f"{path}.{name}")]
    for name in ("resourceRules", "excludeResourceRules"):
        faults += validate_rules(match.get(name) or [], f"{path}.{name}")
    return faults + supported(match.get("matchPolicy"), f"{path}.matchPolicy", MATCH_POLICIES)


def validate_policy_binding(spec: Document) -> list[FieldError]:
    name, parameters, match = spec.get("policyName", ""), spec.get("paramRef"), spec.get("matchResources")
    faults = [invalid("spec.policyName", name, fault) for fault in dns1123_subdomain_faults(name)] if name else [required("spec.policyName")]
    if parameters is not None:
        faults += _parameters(parameters, "spec.paramRef")
    return faults + (_match(match, "spec.matchResources") if match is not None else [])


def _parameters(reference: Document, path: str) -> list[FieldError]:
    name, selector, missing = reference.get("name", ""), reference.get("selector"), reference.get("parameterNotFoundAction")
    faults = []
    if name and selector is not None:
        faults.append(forbidden(f"{path}.name", "name and selector are mutually exclusive"))
    elif not name and selector is None:
        faults.append(required(path, "one of name or selector must be specified"))
    faults += validate_label_selector(selector, f"{path}.selector")
    return faults + ([required(f"{path}.parameterNotFoundAction")] if missing is None else
                     supported(missing, f"{path}.parameterNotFoundAction", ("Allow", "Deny")))


def validate_actions(actions: list[str], path: str) -> list[FieldError]:
    faults = [] if actions else [required(path)]
    for index, action in enumerate(actions):
        if action not in _ACTIONS:
            faults.append(not_supported(f"{path}[{index}]", action, _ACTIONS))
        if action in actions[:index]:
            faults.append(duplicate(f"{path}[{index}]", action))
    return [*faults, invalid(path, actions, _BOTH)] if {"Deny", "Warn"} <= set(actions) else faults

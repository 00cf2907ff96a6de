"""Webhook configurations and admission policies: defaults, faults and columns."""
from __future__ import annotations

from typing import Any

import pytest

from tests.unit.kubeapi.kinds.tables import cells, columns, defaulted, faults

Document = dict[str, Any]
GROUP = "admissionregistration.k8s.io"
RULE: Document = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}


def a_hook(**changes: Any) -> Document:
    return {"name": "h.example.com", "clientConfig": {"url": "https://h.example.com/"}, "sideEffects": "None", "admissionReviewVersions": ["v1"], **changes}


def hooks(*given: Document) -> Document:
    return {"webhooks": list(given)}


def test_a_webhooks_defaults() -> None:
    expected = {"failurePolicy": "Fail", "matchPolicy": "Equivalent", "timeoutSeconds": 10, "namespaceSelector": {}, "objectSelector": {},
                "rules": [{**RULE, "scope": "*"}], "clientConfig": {"service": {"name": "s", "namespace": "n", "port": 443}}}
    given = hooks(a_hook(rules=[RULE], clientConfig={"service": {"name": "s", "namespace": "n"}}))
    assert defaulted(GROUP, "ValidatingWebhookConfiguration", given)["webhooks"] == [a_hook(**expected)]
    assert defaulted(GROUP, "MutatingWebhookConfiguration", given)["webhooks"] == [a_hook(**expected, reinvocationPolicy="Never")]


@pytest.mark.parametrize(("given", "expected"), [
    (hooks(a_hook(rules=[RULE])), []),
    (hooks(a_hook(name="h")), ['webhooks[0].name: Invalid value: "h": should be a domain with at least three segments separated by dots']),
    (hooks(a_hook(), a_hook()), ['webhooks[1].name: Duplicate value: "h.example.com"']),
    (hooks({"name": "h.example.com"}), [
        "webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun",
        "webhooks[0].clientConfig: Required value: exactly one of url or service is required",
        "webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1"]),
    (hooks(a_hook(sideEffects="Some", failurePolicy="Cry", matchPolicy="Like", timeoutSeconds=31, admissionReviewVersions=["v2", "v2"])), [
        'webhooks[0].failurePolicy: Unsupported value: "Cry": supported values: "Fail", "Ignore"',
        'webhooks[0].matchPolicy: Unsupported value: "Like": supported values: "Equivalent", "Exact"',
        'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
        "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds",
        'webhooks[0].admissionReviewVersions[1]: Invalid value: "v2": duplicate version',
        'webhooks[0].admissionReviewVersions: Invalid value: ["v2","v2"]: must include at least one of v1, v1beta1']),
    (hooks(a_hook(clientConfig={"url": "http://u@h/?q#f"})), [
        "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]",
        'webhooks[0].clientConfig.url: Invalid value: "u": user information is not permitted in the URL',
        'webhooks[0].clientConfig.url: Invalid value: "f": fragments are not permitted in the URL',
        'webhooks[0].clientConfig.url: Invalid value: "q": query parameters are not permitted in the URL']),
    (hooks(a_hook(clientConfig={"service": {"name": "s", "port": 0, "path": "x//y"}})), [
        "webhooks[0].clientConfig.service.namespace: Required value: service namespace is required",
        "webhooks[0].clientConfig.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive",
        "webhooks[0].clientConfig.service.path: Invalid value: \"x//y\": must start with a '/'",
        'webhooks[0].clientConfig.service.path: Invalid value: "x//y": segment[0] may not be empty',
        'webhooks[0].clientConfig.service.path: Invalid value: "x//y": segment[1] may not be empty']),
    (hooks(a_hook(rules=[{"operations": ["*", "READ"], "apiGroups": [], "apiVersions": [""], "resources": ["*", "pods", "a/*", "a/b"], "scope": "World"}])), [
        "webhooks[0].rules[0].operations: Invalid value: [\"*\",\"READ\"]: if '*' is present, must not specify other operations",
        'webhooks[0].rules[0].operations[1]: Unsupported value: "READ": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
        "webhooks[0].rules[0].apiGroups: Required value", "webhooks[0].rules[0].apiVersions[0]: Required value",
        "webhooks[0].rules[0].resources[3]: Invalid value: \"a/b\": if 'a/*' is present, must not specify a/b",
        "webhooks[0].rules[0].resources: Invalid value: [\"*\",\"pods\",\"a/*\",\"a/b\"]: if '*' is present, must not specify other resources without "
        "subresources",
        'webhooks[0].rules[0].scope: Unsupported value: "World": supported values: "*", "Cluster", "Namespaced"']),
    (hooks(a_hook(matchConditions=[{"name": "a", "expression": " "}, {"name": "a", "expression": "true"}, {"expression": "true"}])), [
        "webhooks[0].matchConditions[0].expression: Required value", 'webhooks[0].matchConditions[1].name: Duplicate value: "a"',
        "webhooks[0].matchConditions[2].name: Required value"]),
], ids=["good", "name", "twice", "bare", "words", "url", "service", "rules", "conditions"])
@pytest.mark.parametrize("kind", ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"])
def test_webhooks(kind: str, given: Document, expected: list[str]) -> None:
    assert faults(GROUP, kind, given) == expected


def a_policy(**spec: Any) -> Document:
    return {"spec": {"matchConstraints": {"resourceRules": [RULE]}, "validations": [{"expression": "true"}], **spec}}


def test_a_policys_defaults() -> None:
    assert defaulted(GROUP, "ValidatingAdmissionPolicy", a_policy())["spec"] == {
        "failurePolicy": "Fail", "validations": [{"expression": "true"}], "matchConstraints": {
            "matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}, "resourceRules": [{**RULE, "scope": "*"}]}}


@pytest.mark.parametrize(("kind", "given", "expected"), [
    ("ValidatingAdmissionPolicy", a_policy(), []),
    ("ValidatingAdmissionPolicy", {"spec": {}}, [
        "spec.matchConstraints: Required value", "spec.validations: Required value: validations or auditAnnotations must be non-empty",
        "spec.auditAnnotations: Required value: validations or auditAnnotations must be non-empty"]),
    ("ValidatingAdmissionPolicy", a_policy(failurePolicy="Cry", paramKind={}, matchConstraints={}), [
        'spec.failurePolicy: Unsupported value: "Cry": supported values: "Fail", "Ignore"', "spec.paramKind.apiVersion: Required value",
        "spec.paramKind.kind: Required value", "spec.matchConstraints.resourceRules: Required value"]),
    ("ValidatingAdmissionPolicy", a_policy(validations=[{"expression": "", "message": "a\nb", "reason": "Bad"}]), [
        "spec.validations[0].expression: Required value: expression is not specified",
        'spec.validations[0].message: Invalid value: "a\\nb": message must not contain line breaks',
        'spec.validations[0].reason: Unsupported value: "Bad": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"']),
    ("ValidatingAdmissionPolicyBinding", {"spec": {"policyName": "p", "validationActions": ["Deny", "Audit"]}}, []),
    ("ValidatingAdmissionPolicyBinding", {"spec": {"paramRef": {}}}, [
        "spec.policyName: Required value", "spec.paramRef: Required value: one of name or selector must be specified",
        "spec.paramRef.parameterNotFoundAction: Required value", "spec.validationActions: Required value"]),
    ("ValidatingAdmissionPolicyBinding", {"spec": {"policyName": "p", "validationActions": ["Deny", "Warn", "Warn", "Tell"]}}, [
        'spec.validationActions[2]: Duplicate value: "Warn"', 'spec.validationActions[3]: Unsupported value: "Tell": supported values: "Audit", "Deny", "Warn"',
        'spec.validationActions: Invalid value: ["Deny","Warn","Warn","Tell"]: must not contain both "Deny" and "Warn" (repeating the same validation '
        "failure information in the API response and headers serves no purpose)"]),
    ("MutatingAdmissionPolicyBinding", {"spec": {"policyName": "p"}}, []),
], ids=["good", "empty", "words", "validation", "binding", "empty binding", "actions", "mutating binding"])
def test_policies(kind: str, given: Document, expected: list[str]) -> None:
    assert faults(GROUP, kind, given) == expected


@pytest.mark.parametrize(("kind", "names", "document", "row"), [
    ("ValidatingWebhookConfiguration", "Name, Webhooks, Age", hooks(a_hook()), ["a", 1, "60m"]),
    ("MutatingWebhookConfiguration", "Name, Webhooks, Age", {}, ["a", 0, "60m"]),
    ("ValidatingAdmissionPolicy", "Name, Validations, ParamKind, Age", a_policy(), ["a", 1, "<unset>", "60m"]),
    ("MutatingAdmissionPolicy", "Name, Mutations, ParamKind, Age", {"spec": {"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}}, ["a", 0, "v1/ConfigMap", "60m"]),
    ("ValidatingAdmissionPolicyBinding", "Name, PolicyName, ParamRef, Age", {"spec": {"policyName": "p", "paramRef": {"name": "x"}}}, ["a", "p", "*/x", "60m"]),
    ("MutatingAdmissionPolicyBinding", "Name, PolicyName, ParamRef, Age", {"spec": {"policyName": "p"}}, ["a", "p", "<unset>", "60m"]),
], ids=lambda value: value if isinstance(value, str) and "," not in value else "")
def test_rows(kind: str, names: str, document: Document, row: list[Any]) -> None:
    assert columns(GROUP, kind) == names
    assert cells(GROUP, kind, document) == row

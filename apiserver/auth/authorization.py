"""May they? --authorization-mode names who is asked, in order; the first that has an opinion decides, and where none has it is no.

Members of system:masters are never asked about.
"""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from apiserver.auth.access import ALLOWED, MASTERS, Access, Authorizer, Rules, Verdict, forbidden
from apiserver.auth.user import User
from apiserver.storage.interface import StorageError
from kubeapi import rbac
from kubeapi.errors import ServiceUnavailable

MODES = ("AlwaysAllow", "AlwaysDeny", "Node", "RBAC")
ALWAYS_OPEN = frozenset({"/healthz", "/livez", "/readyz"})      # whoever looks after a server must be able to ask
PATIENCE_SECONDS = 3.0


class AlwaysAllow:
    def authorize(self, access: Access) -> Verdict:
        return ALLOWED

    def rules_of(self, user: User, namespace: str) -> Rules:
        return Rules(rbac.EVERYTHING[:1], rbac.EVERYTHING[1:])


class AlwaysDeny:
    def authorize(self, access: Access) -> Verdict:
        return Verdict(None, "Everything is forbidden.")

    def rules_of(self, user: User, namespace: str) -> Rules:
        return Rules()


def parse_modes(text: str) -> tuple[str, ...]:
    """Raises ValueError for one that does not exist."""
    modes = tuple(text.split(","))
    for mode in modes:
        if mode not in MODES:
            raise ValueError(f'authorization-mode "{mode}" is not a valid mode: there are {", ".join(MODES)}')
    if len(set(modes)) < len(modes):
        raise ValueError(f"authorization-mode {rbac.quoted_list(modes)} has mode specified more than once")
    return modes


class Authorization:
    """`wait_until_current` returns when all that was written before it was called is known here."""

    def __init__(self, modes: Sequence[str], authorizers: Mapping[str, Authorizer], wait_until_current: Callable[[], Awaitable[object]]) -> None:
        """`authorizers`: of the modes that read what is stored."""
        every: dict[str, Authorizer] = {"AlwaysAllow": AlwaysAllow(), "AlwaysDeny": AlwaysDeny(), **authorizers}
        self._authorizers = [every[mode] for mode in modes]
        self._wait_until_current = wait_until_current
        self._reads_policy = not authorizers.keys().isdisjoint(modes)
        self.allows_everything = modes[0] == "AlwaysAllow"

    def is_open_to(self, user: User) -> bool:
        """Whether there is nothing to ask."""
        return self.allows_everything or MASTERS in user.groups

    async def require(self, access: Access) -> None:
        """Raises Forbidden."""
        verdict = await self.verdict(access)
        if not verdict.allowed:
            raise forbidden(access, verdict.reason)

    async def verdict(self, access: Access) -> Verdict:
        """No is said only by who has seen every binding that was made before the question: a server that is just starting would
        refuse the system's own parts. Raises ServiceUnavailable, Timeout."""
        verdict = self.decide(access)
        if verdict.allowed is None and self._reads_policy:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._wait_until_current()
            except (StorageError, TimeoutError) as error:
                raise ServiceUnavailable(f"what {access.user.name} may do is not known yet: {error or 'the store does not answer'}",
                                         details={"retryAfterSeconds": 1}) from error
            verdict = self.decide(access)
        return verdict

    def decide(self, access: Access) -> Verdict:
        """By what is known here now."""
        if self.is_open_to(access.user) or access.path in ALWAYS_OPEN:
            return ALLOWED
        reasons = []
        for authorizer in self._authorizers:
            verdict = authorizer.authorize(access)
            if verdict.allowed is not None:
                return verdict
            if verdict.reason:
                reasons.append(verdict.reason)
        return Verdict(None, "\n".join(reasons))

    def rules_of(self, user: User, namespace: str) -> Rules:
        found = [authorizer.rules_of(user, namespace) for authorizer in self._authorizers]
        return Rules(tuple(rule for one in found for rule in one.resource), tuple(rule for one in found for rule in one.non_resource),
                     ", ".join(one.incomplete for one in found if one.incomplete))

"""Storage in etcd, over gRPC.

Every call has a deadline: an etcd that does not answer is StorageUnavailable, never a hang. Pages bound what one list
holds in flight; a watch asks for fragments and hands on whole revisions only, and one that says nothing though it is asked
to is given up. Keys that expire share leases by the minute, so that a storm of Events does not become a storm of leases.
"""
from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

from apiserver.storage.etcdpb import etcd_pb2 as pb
from apiserver.storage.interface import (
    Batch,
    Compacted,
    Conflict,
    FutureRevision,
    KeyExists,
    KeyNotFound,
    Listed,
    Progress,
    StorageError,
    StorageEvent,
    StorageUnavailable,
    Stored,
    TooLarge,
)
from kubeclient.channel import Channel, Code, RpcError, check
from kubeclient.http2 import Stream

CALL_SECONDS = 4.0          # below the 5 s within which a request without etcd must be answered
PAGE = 1000
LEASE_BUCKET_SECONDS = 60
# A watch must never wait for ever on an etcd that has gone silent; whoever watches requests progress more often than this.
WATCH_PATIENCE_SECONDS = 15.0
# A member cut off from the others ends the watch instead of keeping it quiet.
NEEDS_LEADER = (("hasleader", "true"),)
KV, WATCH, LEASE_GRANT = "/etcdserverpb.KV/", "/etcdserverpb.Watch/Watch", "/etcdserverpb.Lease/LeaseGrant"


@dataclass(frozen=True, slots=True)
class EtcdConfig:
    """`servers`: unix:///path, http://host:port or https://host:port. PEM bytes for TLS."""

    servers: Sequence[str]
    ca: bytes | None = None
    certificate: bytes | None = None
    key: bytes | None = None
    watch_patience_seconds: float = WATCH_PATIENCE_SECONDS


class EtcdStorage:
    def __init__(self, config: EtcdConfig) -> None:
        self._members = [Channel(server, config.ca, config.certificate, config.key) for server in config.servers]
        self._preferred = 0
        self._read_seconds = CALL_SECONDS / len(self._members)      # so that every member can be tried within the time
        self._patience = config.watch_patience_seconds
        self._watches: set[Stream] = set()      # the open ones
        self._leases: dict[int, int] = {}       # bucket of expiry -> lease id
        self._lease_lock = asyncio.Lock()

    async def get(self, key: str) -> Stored:
        answer = await self._range(pb.RangeRequest(key=key.encode()))
        if not answer.kvs:
            raise KeyNotFound(key)
        return _stored(answer.kvs[0])

    async def list(self, prefix: str, *, limit: int = 0, start: str = "", revision: int = 0) -> Listed:
        end = _range_end(prefix)
        begin = (start or prefix).encode()
        items: list[Stored] = []
        while True:
            page = min(PAGE, limit - len(items)) if limit else PAGE
            request = pb.RangeRequest(key=begin, range_end=end, limit=page, revision=revision)
            answer = await self._range(request)
            revision = revision or answer.header.revision       # later pages are of the same moment
            items += [_stored(kv) for kv in answer.kvs]
            if not answer.more or (limit and len(items) >= limit):
                break
            begin = answer.kvs[-1].key + b"\0"
        total = len(items) if not start and not answer.more else await self._count(prefix, revision)
        return Listed(items, revision, bool(answer.more), total)

    async def count(self, prefix: str) -> int:
        return await self._count(prefix, 0)

    async def _count(self, prefix: str, revision: int) -> int:
        request = pb.RangeRequest(key=prefix.encode(), range_end=_range_end(prefix), count_only=True, revision=revision)
        answer = await self._range(request)
        return int(answer.count)

    async def current_revision(self) -> int:
        """A read through the quorum: its header's revision is not older than any acknowledged write."""
        request = pb.RangeRequest(key=b"\0", count_only=True)
        answer = await self._range(request)
        return int(answer.header.revision)

    async def _range(self, request: pb.RangeRequest) -> pb.RangeResponse:
        return pb.RangeResponse.FromString(await self._call(KV + "Range", request, self._read_seconds))

    async def create(self, key: str, value: bytes, *, ttl_seconds: int = 0) -> int:
        answer = await self._put(key, value, 0, ttl_seconds)
        if not answer.succeeded:
            raise KeyExists(key)
        return int(answer.header.revision)

    async def put_if(self, key: str, value: bytes, *, revision: int, ttl_seconds: int = 0) -> int:
        return _succeeded(await self._put(key, value, revision, ttl_seconds))

    async def delete_if(self, key: str, *, revision: int) -> int:
        request = _compared(key, revision)
        request.success.add().request_delete_range.key = key.encode()
        return _succeeded(await self._txn(request))

    async def _put(self, key: str, value: bytes, revision: int, ttl_seconds: int) -> pb.TxnResponse:
        """An etcd whose data were restored knows none of the leases granted before: they are granted anew."""
        request = _compared(key, revision)
        put = request.success.add().request_put
        put.key, put.value, put.lease = key.encode(), value, await self._lease(ttl_seconds)
        try:
            return await self._txn(request)
        except _LeaseLost:
            self._leases.clear()
            put.lease = await self._lease(ttl_seconds)
            return await self._txn(request)

    async def _txn(self, request: pb.TxnRequest) -> pb.TxnResponse:
        return pb.TxnResponse.FromString(await self._call(KV + "Txn", request, is_write=True))

    async def _lease(self, ttl_seconds: int) -> int:
        """A lease shared by all keys that expire in the same minute; it outlives the asked time by up to that minute."""
        if not ttl_seconds:
            return 0
        now = asyncio.get_running_loop().time()
        bucket = int((now + ttl_seconds) // LEASE_BUCKET_SECONDS) + 1
        async with self._lease_lock:
            if bucket not in self._leases:
                request = pb.LeaseGrantRequest(TTL=int(bucket * LEASE_BUCKET_SECONDS - now) + 1)
                answer = pb.LeaseGrantResponse.FromString(await self._call(LEASE_GRANT, request))
                self._leases = {each: lease for each, lease in self._leases.items() if each * LEASE_BUCKET_SECONDS > now}
                self._leases[bucket] = answer.ID
            return self._leases[bucket]

    async def watch(self, prefix: str, *, since: int) -> AsyncGenerator[Batch | Progress, None]:
        request = pb.WatchRequest(create_request=pb.WatchCreateRequest(
            key=prefix.encode(), range_end=_range_end(prefix), start_revision=since + 1, progress_notify=True, fragment=True))
        try:
            async with self._members[self._preferred].stream(WATCH, NEEDS_LEADER) as call:
                call.send(request.SerializeToString())
                self._watches.add(call)
                try:
                    async for batch in self._batches(call, since):
                        yield batch
                finally:
                    self._watches.discard(call)
        except (RpcError, OSError) as error:
            self._try_next()
            raise StorageUnavailable(f"the watch of etcd broke: {_why(error)}") from error

    async def _batches(self, call: Stream, since: int) -> AsyncGenerator[Batch | Progress, None]:
        pending: Batch = []
        while True:
            message = await call.receive(self._patience)
            if message is None:
                check(call.trailers)
                raise StorageUnavailable("etcd ended the watch")
            answer = pb.WatchResponse.FromString(message)
            _check(answer, since)
            pending += map(_event, answer.events)
            if answer.fragment:                 # the rest of this batch follows
                continue
            if pending:
                yield pending
                pending = []
            elif not answer.created:
                yield Progress(int(answer.header.revision))

    async def request_progress(self) -> None:
        request = pb.WatchRequest(progress_request=pb.WatchProgressRequest()).SerializeToString()
        for call in self._watches:              # of one that is broken its reader hears
            call.send(request)

    async def compact(self, revision: int) -> None:
        request = pb.CompactionRequest(revision=revision)
        await self._call(KV + "Compact", request, is_write=True)

    async def close(self) -> None:
        for member in self._members:
            await member.close()

    async def _call(self, path: str, request: Any, seconds: float = CALL_SECONDS, *, is_write: bool = False) -> bytes:
        """One call on the preferred member; a read that finds it gone is tried on each other one. Of a write that failed
        nothing is known, so it is never sent twice."""
        message, last = request.SerializeToString(), None
        for _ in range(1 if is_write else len(self._members)):
            try:
                return await self._members[self._preferred].unary(path, message, seconds)
            except (RpcError, OSError) as error:
                if (known := _translated(error)) is not None:
                    raise known from error
                last = error
            self._try_next()
        raise StorageUnavailable(f"etcd does not answer: {_why(last)}") from last

    def _try_next(self) -> None:
        self._preferred = (self._preferred + 1) % len(self._members)


class _LeaseLost(StorageError):
    """etcd does not know the lease; nothing was written."""


def _compared(key: str, revision: int) -> pb.TxnRequest:
    """One transaction: the operation to be added if the key's revision is the expected one (0: it is not there), else a read.
    Messages are filled where they lie: made one by one and copied into each other they cost six times as much."""
    request = pb.TxnRequest()
    compare = request.compare.add()
    compare.result, compare.target, compare.key, compare.mod_revision = pb.Compare.EQUAL, pb.Compare.MOD, key.encode(), revision
    request.failure.add().request_range.key = key.encode()
    return request


def _check(answer: pb.WatchResponse, since: int) -> None:
    """Raises what an answer of a watch says that is no event."""
    if answer.canceled:
        if answer.compact_revision:
            raise Compacted(answer.compact_revision)
        raise StorageUnavailable(f"etcd ended the watch: {answer.cancel_reason}")
    if answer.header.revision < since:                  # it would keep silent until it has come as far
        raise FutureRevision(f"etcd is at revision {answer.header.revision}, before {since}")


def _succeeded(answer: pb.TxnResponse) -> int:
    if answer.succeeded:
        return int(answer.header.revision)
    found = answer.responses[0].response_range.kvs
    raise Conflict(_stored(found[0]) if found else None)


def _stored(kv: pb.KeyValue) -> Stored:
    return Stored(kv.key.decode(), kv.value, kv.mod_revision)


def _event(event: pb.Event) -> StorageEvent:
    kv = event.kv
    if event.type == pb.Event.PUT:
        return StorageEvent("PUT", kv.key.decode(), kv.value, kv.mod_revision)
    return StorageEvent("DELETE", kv.key.decode(), None, kv.mod_revision)


def _range_end(prefix: str) -> bytes:
    raw = prefix.encode()
    return raw[:-1] + bytes([raw[-1] + 1]) if raw else b"\0"


def _translated(error: RpcError | OSError) -> StorageError | None:
    """What etcd means; None where it did not do the call at all."""
    match error:
        case RpcError(code=Code.OUT_OF_RANGE):
            return FutureRevision(str(error)) if "future" in str(error) else Compacted(0)
        case RpcError(code=Code.NOT_FOUND) if "lease not found" in str(error):
            return _LeaseLost(str(error))
        case RpcError() if "larger than max" in str(error) or "request is too large" in str(error):
            return TooLarge(f"etcd does not take it: {error}")
        case RpcError(code=Code.INVALID_ARGUMENT | Code.RESOURCE_EXHAUSTED):
            return StorageError(str(error))
    return None


def _why(error: BaseException | None) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else str(error)

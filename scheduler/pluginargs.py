"""The arguments plugins take in a KubeSchedulerConfiguration, and the plugins made of them. Whatever is not right is a ValueError."""
from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kubeapi.generated.models.core_v1 import NodeAffinity as NodeAffinityWishes
from kubeapi.generated.models.core_v1 import TopologySpreadConstraint
from kubeapi.wirenames import wire_name
from scheduler.allocation import Strategy, least_allocated, most_allocated, requested_to_capacity_ratio, weighted
from scheduler.framework import MAX_SCORE
from scheduler.plugins.balanced_allocation import BalancedAllocation
from scheduler.plugins.default_preemption import DefaultPreemption
from scheduler.plugins.inter_pod_affinity import InterPodAffinity
from scheduler.plugins.node_affinity import NodeAffinity
from scheduler.plugins.node_resources_fit import NodeResourcesFit
from scheduler.plugins.pod_topology_spread import PodTopologySpread
from scheduler.spreading import SYSTEM_DEFAULTS

Percent = Annotated[int, Field(ge=0, le=100)]
HIGHEST_POINT = 10                     # scores of a shape are told from 0 to 10


class Section(BaseModel):
    """A part of the file: wire names, exact types, and no field that nobody knows."""

    model_config = ConfigDict(alias_generator=wire_name, extra="forbid", strict=True, frozen=True, populate_by_name=True)


class Args(Section):
    api_version: str = "kubescheduler.config.k8s.io/v1"
    kind: str = ""

    @abstractmethod
    def make(self) -> Any: ...


class ResourceSpec(Section):
    name: str
    weight: Annotated[int, Field(ge=1, le=100)] = 1


BOTH = [ResourceSpec(name="cpu"), ResourceSpec(name="memory")]


class ShapePoint(Section):
    utilization: Percent
    score: Annotated[int, Field(ge=0, le=HIGHEST_POINT)]


class Ratio(Section):
    shape: Annotated[list[ShapePoint], Field(min_length=1)]

    @model_validator(mode="after")
    def _rises(self) -> Ratio:
        told = [point.utilization for point in self.shape]
        if any(left >= right for left, right in zip(told, told[1:], strict=False)):
            raise ValueError("utilization values must be sorted in increasing order")
        return self


class ScoringStrategy(Section):
    type: Literal["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"] = "LeastAllocated"
    resources: list[ResourceSpec] = BOTH
    requested_to_capacity_ratio: Ratio | None = None

    @model_validator(mode="after")
    def _has_its_shape(self) -> ScoringStrategy:
        if self.type == "RequestedToCapacityRatio" and self.requested_to_capacity_ratio is None:
            raise ValueError("RequestedToCapacityRatio needs requestedToCapacityRatio.shape")
        return self

    def strategy(self) -> Strategy:
        weights = {one.name: one.weight for one in self.resources}
        if self.type == "RequestedToCapacityRatio" and self.requested_to_capacity_ratio is not None:
            scale = MAX_SCORE // HIGHEST_POINT
            shape = [(point.utilization, point.score * scale) for point in self.requested_to_capacity_ratio.shape]
            return requested_to_capacity_ratio(shape, weights)
        return weighted(most_allocated if self.type == "MostAllocated" else least_allocated, weights)


class NodeResourcesFitArgs(Args):
    ignored_resources: list[str] = []
    ignored_resource_groups: list[str] = []
    scoring_strategy: ScoringStrategy = ScoringStrategy()

    def make(self) -> NodeResourcesFit:
        return NodeResourcesFit(self.scoring_strategy.strategy(), self.ignored_resources, self.ignored_resource_groups)


class NodeResourcesBalancedAllocationArgs(Args):
    resources: list[ResourceSpec] = BOTH

    def make(self) -> BalancedAllocation:
        return BalancedAllocation([one.name for one in self.resources])


class InterPodAffinityArgs(Args):
    hard_pod_affinity_weight: Percent = 1
    ignore_preferred_terms_of_existing_pods: bool = False

    def make(self) -> InterPodAffinity:
        return InterPodAffinity(self.hard_pod_affinity_weight, ignore_preferred_of_others=self.ignore_preferred_terms_of_existing_pods)


class DefaultConstraint(Section):
    max_skew: Annotated[int, Field(ge=1)]
    topology_key: Annotated[str, Field(min_length=1)]
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"]

    def constraint(self) -> TopologySpreadConstraint:
        return TopologySpreadConstraint(max_skew=self.max_skew, topology_key=self.topology_key, when_unsatisfiable=self.when_unsatisfiable)


class PodTopologySpreadArgs(Args):
    default_constraints: list[DefaultConstraint] = []
    defaulting_type: Literal["System", "List"] = "System"

    @model_validator(mode="after")
    def _says_which(self) -> PodTopologySpreadArgs:
        if self.default_constraints and self.defaulting_type == "System":
            raise ValueError("defaultConstraints need defaultingType: List")
        return self

    def make(self) -> PodTopologySpread:
        return PodTopologySpread(SYSTEM_DEFAULTS if self.defaulting_type == "System" else tuple(one.constraint() for one in self.default_constraints))


class NodeAffinityArgs(Args):
    added_affinity: Mapping[str, Any] | None = None

    def make(self) -> NodeAffinity:
        return NodeAffinity(NodeAffinityWishes.from_wire(dict(self.added_affinity)) if self.added_affinity is not None else None)


class DefaultPreemptionArgs(Args):
    min_candidate_nodes_percentage: Percent = 10
    min_candidate_nodes_absolute: Annotated[int, Field(ge=0)] = 100

    def make(self) -> DefaultPreemption:
        return DefaultPreemption(self.min_candidate_nodes_percentage, self.min_candidate_nodes_absolute)


KINDS: Sequence[type[Args]] = (NodeResourcesFitArgs, NodeResourcesBalancedAllocationArgs, InterPodAffinityArgs, PodTopologySpreadArgs,
                               NodeAffinityArgs, DefaultPreemptionArgs)
ARGS: Mapping[str, type[Args]] = {kind.__name__.removesuffix("Args"): kind for kind in KINDS}

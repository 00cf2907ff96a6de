"""The configuration file: what a profile is made of, and what is refused."""
from __future__ import annotations

from pathlib import Path

import pytest

from scheduler.configfile import ConfigError, load, read
from scheduler.configuration import Configuration
from scheduler.framework import Code
from scheduler.options import parse
from scheduler.profile import Profile
from tests.unit.scheduler.builders import a_cluster, a_node, a_pod

HEAD = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
DEFAULT_SCORES = {"TaintToleration": 3, "NodeAffinity": 2, "NodeResourcesFit": 1, "PodTopologySpread": 2, "InterPodAffinity": 2,
                  "NodeResourcesBalancedAllocation": 1, "ImageLocality": 1}
DEFAULT_FILTERS = ["NodeUnschedulable", "NodeName", "TaintToleration", "NodeAffinity", "NodePorts", "NodeResourcesFit", "PodTopologySpread",
                   "InterPodAffinity"]


def profile(text: str) -> Profile:
    (one,) = read(HEAD + "profiles:\n- " + text.strip().replace("\n", "\n  ")).profiles
    return one


def scores(one: Profile) -> dict[str, int]:
    return {weighted.plugin.name: weighted.weight for weighted in one.scores}


def filters(one: Profile) -> list[str]:
    return [plugin.name for plugin in one.filters]


def test_without_anything_said_all_is_as_by_default() -> None:
    told, default = read(HEAD), Configuration()
    (one,) = told.profiles
    assert (one.scheduler_name, filters(one), scores(one)) == ("default-scheduler", DEFAULT_FILTERS, DEFAULT_SCORES)
    assert ([plugin.name for plugin in one.gates], [plugin.name for plugin in one.post_filters]) == (["SchedulingGates"], ["DefaultPreemption"])
    assert (told.initial_backoff_seconds, told.longest_backoff_seconds, told.leader_elect) == (1, 10, True)
    assert scores(default.profiles[0]) == DEFAULT_SCORES


@pytest.mark.parametrize(("plugins", "expected"), [
    pytest.param("score: {disabled: [{name: ImageLocality}]}", {name: weight for name, weight in DEFAULT_SCORES.items() if name != "ImageLocality"},
                 id="one less"),
    pytest.param("score: {disabled: [{name: '*'}]}", {}, id="none"),
    pytest.param("score: {disabled: [{name: '*'}], enabled: [{name: ImageLocality, weight: 7}]}", {"ImageLocality": 7}, id="only one"),
    pytest.param("score: {enabled: [{name: NodeResourcesFit, weight: 5}]}", {**DEFAULT_SCORES, "NodeResourcesFit": 5}, id="another weight"),
    pytest.param("score: {disabled: [{name: NodeResourcesFit}], enabled: [{name: NodeResourcesFit, weight: 5}]}",
                 {**DEFAULT_SCORES, "NodeResourcesFit": 5}, id="another weight, as older files say it"),
    pytest.param("multiPoint: {enabled: [{name: TaintToleration, weight: 9}]}", {**DEFAULT_SCORES, "TaintToleration": 9}, id="everywhere"),
    pytest.param("multiPoint: {enabled: [{name: TaintToleration, weight: 9}]}\nscore: {enabled: [{name: TaintToleration, weight: 4}]}",
                 {**DEFAULT_SCORES, "TaintToleration": 4}, id="the point has precedence"),
    pytest.param("multiPoint: {disabled: [{name: '*'}], enabled: [{name: NodeResourcesFit}]}", {"NodeResourcesFit": 1}, id="only one everywhere"),
    pytest.param("preScore: {disabled: [{name: '*'}]}", DEFAULT_SCORES, id="preparations go with the score"),
])
def test_scores_of_a_profile(plugins: str, expected: dict[str, int]) -> None:
    assert scores(profile("plugins:\n  " + plugins.replace("\n", "\n  "))) == expected


def test_filters_of_a_profile() -> None:
    assert filters(profile("plugins: {filter: {disabled: [{name: TaintToleration}]}}")) == [name for name in DEFAULT_FILTERS if name != "TaintToleration"]
    assert filters(profile("plugins: {multiPoint: {disabled: [{name: '*'}], enabled: [{name: NodeName}]}}")) == ["NodeName"]
    assert not profile("plugins: {postFilter: {disabled: [{name: DefaultPreemption}]}}").post_filters


def test_profiles_have_names_and_shares() -> None:
    told = read(HEAD + "percentageOfNodesToScore: 30\nprofiles:\n- schedulerName: a\n- {schedulerName: b, percentageOfNodesToScore: 80}")
    assert [(one.scheduler_name, one.percentage_of_nodes) for one in told.profiles] == [("a", 30), ("b", 80)]


def configured(name: str, args: str) -> Profile:
    return profile(f"pluginConfig:\n- name: {name}\n  args: {args}")


@pytest.mark.parametrize(("strategy", "expected"), [
    pytest.param("{type: LeastAllocated, resources: [{name: cpu}]}", [75, 25], id="the emptier"),
    pytest.param("{type: MostAllocated, resources: [{name: cpu}]}", [25, 75], id="the fuller"),
    pytest.param("{type: MostAllocated, resources: [{name: cpu, weight: 3}, {name: memory, weight: 1}]}", [25, (3 * 75 + 25) // 4], id="weights"),
    pytest.param("{type: RequestedToCapacityRatio, resources: [{name: cpu}], requestedToCapacityRatio: {shape: "
                 "[{utilization: 0, score: 0}, {utilization: 50, score: 10}, {utilization: 100, score: 0}]}}", [50, 50], id="a shape"),
    pytest.param("{type: RequestedToCapacityRatio, resources: [{name: cpu}], requestedToCapacityRatio: {shape: [{utilization: 30, score: 2}]}}",
                 [20, 20], id="a flat shape"),
    pytest.param("{type: MostAllocated, resources: [{name: example.com/gpu}]}", [0, 0], id="what the pod does not ask for"),
])
def test_strategies_of_node_resources_fit(strategy: str, expected: list[int]) -> None:
    (fit,) = [one.plugin for one in configured("NodeResourcesFit", f"{{scoringStrategy: {strategy}}}").scores if one.plugin.name == "NodeResourcesFit"]
    nodes = [a_node("a"), a_node("b", holding=(a_pod("x", cpu="2", memory="0"),))]
    assert fit.raw(a_pod(cpu="1", memory="2Gi"), a_cluster(*nodes), nodes) == expected


def test_ignored_resources_are_not_looked_at() -> None:
    pod = a_pod(containers=[{"name": "c", "resources": {"requests": {"example.com/gpu": "1", "other.io/fpga": "1"}}}])
    fit = configured("NodeResourcesFit", "{ignoredResources: [example.com/gpu], ignoredResourceGroups: [other.io]}").filters[5]
    check = fit.look(pod, a_cluster())
    assert check is not None
    assert check.filter(pod, a_node()).code is Code.SUCCESS


def test_added_affinity_is_for_every_pod() -> None:
    affinity = configured("NodeAffinity", "{addedAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: "
                          "[{matchExpressions: [{key: disk, operator: Exists}]}]}}}").filters[3]
    check = affinity.look(a_pod(), a_cluster())
    assert check is not None
    assert check.filter(a_pod(), a_node()).reasons == ("node(s) didn't match scheduler-enforced node affinity",)
    assert check.filter(a_pod(), a_node(labels={"disk": "ssd"})).code is Code.SUCCESS


def test_constraints_by_default_may_be_required() -> None:
    from kubeapi.labels import from_set
    from kubeapi.meta import ObjectKey
    spread = configured("PodTopologySpread", "{defaultingType: List, defaultConstraints: "
                        "[{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]}").filters[6]
    cluster = a_cluster(a_node("a", labels={"zone": "a"}, holding=(a_pod("x", labels={"app": "web"}),)), a_node("b", labels={"zone": "b"}))
    cluster.workloads.set_service(ObjectKey("default", "web"), from_set({"app": "web"}))
    pod = a_pod(labels={"app": "web"})
    check = spread.look(pod, cluster)
    assert check is not None
    assert [check.filter(pod, node).code for node in cluster.nodes] == [Code.UNSCHEDULABLE, Code.SUCCESS]


@pytest.mark.parametrize(("text", "told"), [
    pytest.param("", "one document of kind KubeSchedulerConfiguration is expected", id="empty"),
    pytest.param("kind: [", "did not find expected node content", id="no YAML"),
    pytest.param("kind: KubeSchedulerConfiguration", "apiVersion: Required value", id="no version"),
    pytest.param("apiVersion: kubescheduler.config.k8s.io/v1beta3\nkind: KubeSchedulerConfiguration",
                 "apiVersion: Invalid value: 'kubescheduler.config.k8s.io/v1beta3'", id="an old version"),
    pytest.param(HEAD + "profile: []", 'unknown field "profile"', id="unknown field"),
    pytest.param(HEAD + "profiles: [{plugins: {score: {enabled: [{nme: x}]}}}]",
                 'profiles[0].plugins.score.enabled[0].name: Required value; unknown field "profiles[0].plugins.score.enabled[0].nme"',
                 id="unknown field within, and all faults at once"),
    pytest.param(HEAD + "profiles: [{plugins: {scores: {}}}]", 'unknown field "profiles[0].plugins.scores"', id="unknown point"),
    pytest.param(HEAD + "profiles: [{plugins: {score: {enabled: [{name: Foo}]}}}]",
                 'profiles[0].plugins.score.enabled[0]: unknown plugin "Foo"', id="unknown plugin"),
    pytest.param(HEAD + "profiles: [{plugins: {score: {enabled: [{name: NodeName}]}}}]", 'plugin "NodeName" does not extend score', id="not its point"),
    pytest.param(HEAD + "profiles: [{plugins: {filter: {enabled: [{name: VolumeZone}]}}}]", 'plugin "VolumeZone" is not available in picokube',
                 id="a plugin that is not here"),
    pytest.param(HEAD + "profiles: [{plugins: {bind: {disabled: [{name: DefaultBinder}]}}}]", "cannot be disabled", id="no binding"),
    pytest.param(HEAD + "profiles: [{schedulerName: a}, {schedulerName: a}]", 'profiles[1].schedulerName: Duplicate value: "a"', id="one name twice"),
    pytest.param(HEAD + "profiles: [{schedulerName: a}, {}]", "profiles[1].schedulerName: Required value", id="two, and one without a name"),
    pytest.param(HEAD + "percentageOfNodesToScore: 101", "percentageOfNodesToScore: Invalid value: 101", id="more than all"),
    pytest.param(HEAD + "podInitialBackoffSeconds: '1'", "podInitialBackoffSeconds: Invalid value: '1'", id="a string"),
    pytest.param(HEAD + "podInitialBackoffSeconds: 5\npodMaxBackoffSeconds: 2", "must be greater than or equal to PodInitialBackoffSeconds",
                 id="back-offs the wrong way round"),
    pytest.param(HEAD + "extenders: []", 'unknown field "extenders"', id="extenders"),
    pytest.param(HEAD + "profiles: [{pluginConfig: [{name: InterPodAffinity, args: {hardPodAffinityWeight: 101}}]}]",
                 "profiles[0].pluginConfig[0].args.hardPodAffinityWeight: Invalid value: 101", id="an argument out of range"),
    pytest.param(HEAD + "profiles: [{pluginConfig: [{name: NodeName, args: {a: 1}}]}]", 'plugin "NodeName" takes no arguments', id="no arguments"),
    pytest.param(HEAD + "profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {kind: InterPodAffinityArgs}}]}]",
                 "NodeResourcesFitArgs is expected", id="another plugin's arguments"),
    pytest.param(HEAD + "profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: RequestedToCapacityRatio}}}]}]",
                 "RequestedToCapacityRatio needs requestedToCapacityRatio.shape", id="a ratio without its shape"),
    pytest.param(HEAD + "profiles: [{pluginConfig: [{name: PodTopologySpread, args: {defaultConstraints: [{maxSkew: 1, topologyKey: a, "
                 "whenUnsatisfiable: DoNotSchedule}]}}]}]", "defaultConstraints need defaultingType: List", id="constraints nobody asks for"),
])
def test_what_cannot_be_followed_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(text)
    assert told in str(refused.value)


def test_flags_have_precedence(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(HEAD + "clientConnection: {kubeconfig: /a, qps: 50}\nleaderElection: {leaderElect: false, leaseDuration: 15s}\n")
    told = parse([f"--config={file}"])
    assert (told.kubeconfig, told.leader_elect) == ("/a", False)
    told = parse([f"--config={file}", "--kubeconfig=/b", "--leader-elect=true"])
    assert (told.kubeconfig, told.leader_elect) == ("/b", True)


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match=r"nothing.yaml: no such file or directory"):
        load(str(tmp_path / "nothing.yaml"))
    with pytest.raises(SystemExit):
        parse([f"--config={tmp_path}/nothing.yaml", "--kubeconfig=/a"])
    assert "nothing.yaml: no such file or directory" in capsys.readouterr().err


def test_the_example_can_be_followed() -> None:
    told = load(str(Path(__file__).resolve().parents[3] / "docs/scheduler-config.yaml"))
    assert [one.scheduler_name for one in told.profiles] == ["default-scheduler", "packer"]

"""The lines that both kubectls run, by scene, and the differences that are meant to be.

In a line NAMESPACE is the side's own namespace (also part of the names of cluster-scoped objects) and NODE the side's node;
`< FILE` gives a file of FILES as standard input. A line that begins with `--` is run without -n; EDITOR=NAME has files edited as EDITORS says.
"""
from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from tests.integration.kubectl import kustomizations, pages


class Scene(NamedTuple):
    setup: tuple[str, ...]
    lines: str


def problems(listed: str) -> list[str]:
    """What `drain` has against a node, one by one. Each begins with `cannot delete`, one of them says it twice, and the pods behind are divided by commas, too."""
    return re.split(r", (?=cannot delete )", listed)


# (pattern, what it becomes on both sides, why the two may differ in it)
ALIKE: tuple[tuple[str, str | Callable[[re.Match[str]], str], str], ...] = (
    (r'^(\S+ "\S+" (?:force )?deleted) from \S+ namespace', r"\1", "upstream names the namespace since 1.34"),
    (r'^E\d{4} .* run.go:\d+\] "command failed" err="(.*)"$', lambda match: "error: " + match[1].replace('\\"', '"'), "the upstream here is Google's dispatcher, whose main logs what upstream's prints"),
    (r"^Error: ", "error: ", "the same: upstream's main prints `error: unknown flag`"),
    (r"spec\.\w+\{[\w-]+\}: ", "", "describe names the container that an event is about, as upstream does since 1.35"),
    (r"^( *)metadata:\n\1  creationTimestamp: null\n(?!\1 )", r"\1metadata: {}\n", "a time that is not set is left out since 1.34"),
    (r'^ *"?creationTimestamp"?: null,?\n', "", "a time that is not set is left out since 1.34"),
    (r"^# Warning: '\w+' is deprecated.*\n", "", "kustomize repeats this for every base"),
    (r"^[EW]\d{4} .* reflector.go:.*\n", "", "a watch that ends within its first second, or while it is begun, is logged by client-go, or not"),
    (r"^W\d{4} .* diff.go:.*\n", "", "a conflict is tried again, and that logged"),
    (r"^W\d{4} .* prune.go:.*\n", "", "upstream announces a change of --prune in its log"),
    (r"(?:^Waiting for deployment .*\n)+", "", "how many steps of a rollout one sees depends on the moment"),
    (r"^Please review the fields above[^#]*#conflicts", "ADVICE", "the advice is in our own words"),
    (r"^Warning: (.*-managed Pods.*|.*no controller.*)$", lambda match: "Warning: " + "; ".join(sorted(match[1].split("; "))), "a Go map has no order"),
    (r"(?<=due to error: \[).*(?=\], continuing)", lambda match: ", ".join(sorted(problems(match[0]))), "a Go map has no order"),
    (r"(?:^cannot delete .*\n)+", lambda match: "".join(sorted(match[0].splitlines(keepends=True))), "a Go map has no order"),
    (r"(?<=AGE) \(x\d+ over AGE\)", "", "how often the scheduler has tried depends on the moment; event.yaml has a count that does not"),
    (r"(ConfigMapOptional|SecretOptionalName): +<nil>", "Optional: false", "upstream printed a pointer until 1.33"),
    (r"^Warning: Non-root user is configured for the entire target Pod, .*\n", "", "debug says so since 1.33"),
    (r"^# (?:Please edit the object below|and an empty file will abort|reopened with the relevant|Edit the object below|If the server refuses).*\n", "", "the advice is in our own words"),
    (r"^WARNING: version difference between client.*\n", "", "the upstream here is older than the server"),
)
# line -> why only the exit code is compared
ONLY_EXIT_CODE: dict[str, str] = {
    **dict.fromkeys(("rollout", "set", "create secret", "create service", "auth", "config", "top", "certificate", "certificate nope", "options x", "plugin"),
                    "help is in our own words"),
}

FILES: dict[str, str] = {
    **kustomizations.FILES,
    **pages.FILES,
    "web.yaml": """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {app: web}}
data: {index.html: "<h1>hi</h1>\\n", k: "1"}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {password: q}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}, annotations: {kubernetes.io/change-cause: first}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: web
        image: localhost/web:1
        ports: [{containerPort: 80}]
        env: [{name: A, value: b}, {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, {name: K, valueFrom: {configMapKeyRef: {name: settings, key: k}}}]
        resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {memory: 32Mi}}
        volumeMounts: [{name: v, mountPath: /v}]
      volumes: [{name: v, configMap: {name: settings}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {app: p, tier: back}}
spec:
  terminationGracePeriodSeconds: 0
  initContainers: [{name: first, image: busybox, restartPolicy: Always}]
  containers: [{name: c, image: busybox, command: [sleep, "100"]}, {name: d, image: busybox}]
---
apiVersion: v1
kind: Pod
metadata: {name: stuck, labels: {app: stuck}}
spec:
  containers: [{name: c, image: busybox, command: [sleep, "100"]}]
  nodeSelector: {a: b}
""",
    "cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm, labels: {app: cm}}\ndata: {a: '1', b: '2'}\n",
    "cm2.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm, labels: {app: cm}}\ndata: {a: '2'}\n",
    "two.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: two}\n",
    "unknown-field.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nfoo: 1\n",
    "bad-name.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: X_}\n",
    "bad.yaml": "a: b\n c: d\n",
    "no-kind.yaml": "apiVersion: v1\nmetadata: {name: x}\n",
    "unknown-kind.yaml": "apiVersion: v1\nkind: Foo\nmetadata: {name: x}\n",
    "wrong-type.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: 1}\n",
    "other-namespace.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: elsewhere}\n",
    "list.yaml": "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: l1}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: l2}}\n",
    "empty.yaml": "",
    "rbac.yaml": """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: r, namespace: NAMESPACE}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get, list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: rb, namespace: NAMESPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}
subjects:
- {kind: User, apiGroup: rbac.authorization.k8s.io, name: u}
""",
    "rbac2.yaml": """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: r, namespace: NAMESPACE}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: rb, namespace: NAMESPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}
subjects:
- {kind: User, apiGroup: rbac.authorization.k8s.io, name: u2}
""",
    "drain.yaml": """
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {drain: NAMESPACE}}
spec:
  nodeSelector: {kubernetes.io/hostname: NODE}
  containers: [{name: c, image: i}]
  volumes: [{name: e, emptyDir: {}}]
---
apiVersion: v1
kind: Pod
metadata: {name: q, labels: {drain: NAMESPACE}}
spec:
  nodeSelector: {kubernetes.io/hostname: NODE}
  containers: [{name: c, image: i}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ds}
spec:
  selector: {matchLabels: {a: ds}}
  template:
    metadata: {labels: {a: ds, drain: NAMESPACE}}
    spec:
      nodeSelector: {kubernetes.io/hostname: NODE}
      containers: [{name: c, image: i}]
""",
    "csr.yaml": """
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: NAMESPACE-csr}
spec:
  request: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIRk1HNENBUUF3RERFS01BZ0dBMVVFQXd3QmVEQlpNQk1HQnlxR1NNNDlBZ0VHQ0NxR1NNNDlBd0VIQTBJQQpCSjFLZU1FaG5YMW1zTFhjT201RVJhRlZ2N0hqNVNmRXJ2RWlabTIyRHJlYllid05NMTlaZVJYOXFzWkxxa1pyCjBna0NSVUUyZjVMQkM4K3ZKSHBTeWwrZ0FEQUtCZ2dxaGtqT1BRUURBZ05IQURCRUFpQWlJcXRIbmRxOXQvalQKWXlhdWNaWG1pNDY2Nk1zcFJLTHVRaDlSdG5VN1h3SWdCYWd6cFpXNXVHZTZPdGFGazhQbzAxREZ0bGJMZVczZQpSM3hZVms4SW1aMD0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==
  signerName: example.com/signer
  usages: [client auth]
""",
    "scale.yaml": "apiVersion: autoscaling/v1\nkind: Scale\nmetadata: {name: web, namespace: NAMESPACE}\nspec: {replicas: 1}\n",
    "bin/kubectl-hello": "#!/bin/sh\necho hello \"$@\"\n",
    "bin/kubectl-hello-there": "#!/bin/sh\necho there \"$@\"; exit 3\n",
    "bin/kubectl-create-x": "#!/bin/sh\necho x\n",
    "outside/kustomization.yaml": "configMapGenerator: [{name: c, files: [../env.txt]}]\n",
    "event.yaml": """
apiVersion: v1
kind: Event
metadata: {name: often}
involvedObject: {apiVersion: v1, kind: ConfigMap, name: settings, namespace: NAMESPACE, fieldPath: data}
type: Warning
reason: Often
message: "seen  often\n"
count: 7
firstTimestamp: "2021-01-01T00:00:00Z"
lastTimestamp: "2022-01-01T00:00:00Z"
source: {component: c, host: h}
""",
    "custom.yaml": "env: [{name: FROM, value: custom}]\nsecurityContext: {capabilities: {add: [SYS_TIME]}}\n",
    "named.yaml": "name: x\n",
    "asuser.yaml": """
apiVersion: v1
kind: Pod
metadata: {name: asuser}
spec:
  securityContext: {runAsUser: 1000}
  containers: [{name: c, image: busybox}]
""",
    "probed.yaml": """
apiVersion: v1
kind: Pod
metadata: {name: probed, labels: {app: probed}, annotations: {a: b}}
spec:
  containers:
  - name: c
    image: busybox
    livenessProbe: {exec: {command: ["true"]}}
    readinessProbe: {exec: {command: ["true"]}}
    startupProbe: {exec: {command: ["true"]}}
""",
    "not-there.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: not-there}\n",
    "one-pruned.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one, labels: {prune: NAMESPACE}}\n",
    "two-pruned.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two, labels: {prune: NAMESPACE}}\n",
    "env.txt": "# comment\nA=1\n\nB=two words\n",
    "columns.txt": "NAME            APP\n.metadata.name  .metadata.labels.app\n",
    "template.txt": "{{range .items}}{{.metadata.name}} {{end}}",
    "path.txt": "{.items[*].metadata.name}",
    "patch.yaml": "metadata: {labels: {patched: 'yes'}}\n",
}

EDITORS: dict[str, str] = {
    "ed-name": "sed -i /name:.one/s/one/three/", "ed-bad-name": "sed -i /name:.one/s/one/One/", "ed-rename": "sed -i /name:.cm$/s/cm/cmx/",
    "ed-label": "sed -i s/app:/app2:/", "ed-relabel": "sed -i s/app2/app3/", "ed-field": "sed -i s/^data:/foo:/",
}
_WEB = ("apply -f web.yaml", "rollout status deploy/web --timeout=60s", "wait --for=condition=Ready pod/p --timeout=60s")

SCENES: dict[str, Scene] = {
    "reading": Scene(_WEB, """
get
get pods
get pods -o wide
get pods --show-labels
get pods -L app,tier
get pods --no-headers
get pods -l app=web
get pods -l 'app in (web,p)' -o name
get pods -l app==p
get pods -l 'app in (web'
get pods -l 'a=b=c'
get pods --field-selector=status.phase=Pending
get pods --field-selector=nope=x
get pods --field-selector spec.nodeName= -o name
get pods p -l app=p
get pods p zz
get pods zz
get pods zz --ignore-not-found
get pod/p deploy/web
get pod/p zz
get pod/p/x
get pods,svc
get all
get cm,secret,svc
get deploy,rs -o name
get deployments.apps web
get deployments.v1.apps web
get deployments.v9.apps web
get foo
get foo/bar
get pods,foo
get pods -o json
get pod p -o json
get pod p -o yaml
get cm settings -o yaml --show-managed-fields
get svc web -o yaml
get cm settings -o yaml
get pods -o nope
get pods -o jsonpath
get pods -o jsonpath={.items[*].metadata.name}
get pods -o jsonpath={.items[0].nope}
get cm settings -o jsonpath={.nope} --allow-missing-template-keys=false
get svc web -o jsonpath={.spec.ports[9]}
get pods -o jsonpath={
get pods -o jsonpath-file=path.txt
get pods -o jsonpath-file=nope.txt
get pods -o 'jsonpath={range .items[*]}{.metadata.name}{"\\t"}{.spec.containers[*].image}{"\\n"}{end}'
get pods -o 'jsonpath={.items[?(@.metadata.name=="p")].metadata.labels}'
get pods -o jsonpath-as-json={.items[*].metadata.labels.app}
get pods -o go-template={{.kind}}
get pods -o 'go-template={{range .items}}{{.metadata.name}}{{"\\n"}}{{end}}'
get pod p -o 'go-template={{range $i, $c := .spec.containers}}{{$i}}={{$c.name}} {{end}}'
get pod p -o 'go-template={{if .spec.nope}}yes{{else}}no{{end}} {{len .spec.containers}} {{index .metadata.labels "app"}}'
get pod p -o 'go-template={{with .metadata.labels}}{{.app}}{{end}}{{printf "%s-%d" .metadata.name 3}}'
get pod p -o 'go-template={{if and (eq .kind "Pod") (ne .metadata.name "x")}}both{{end}} {{.metadata.labels}} {{.nope}}'
get pod p -o 'go-template={{range $k, $v := .metadata.labels}}{{$k}}:{{$v | printf "%q"}},{{end}}'
get secret keys -o 'go-template={{.data.password | base64decode}}'
get pods -o go-template-file=template.txt
get pods --template '{{len .items}}' -o go-template
get cm settings -o go-template={{.kind.x}}
get cm settings -o go-template={{index}}
get pod p -o go-template={{end}}
get pod p -o go-template={{if}}
get pod p -o go-template={{range.spec.containers}}x
get pod p -o go-template={{$x:=1}}{{$x}}{{$y}}
get pod p -o go-template={{.spec}}
get pod p -o 'go-template={{range .spec.nope}}a{{else}}none{{end}} {{- 3 -}} x {{/* c */}}{{not true}}{{or "" 5}}{{and 1 0}}{{1.5}}{{true}}'
get pod p -o 'go-template={{exists . "spec" "nodeName"}} {{html "<a>"}} {{js "a"}} {{print 1 2 "x"}} {{println "a"}}{{urlquery "a b"}} {{slice "abc" 1 2}} {{lt 1 2}} {{eq .kind "a" "Pod"}}{{block "x" .}}blk{{end}}{{define "T"}}[{{.}}]{{end}}{{template "T" .kind}}'
get pod p -o 'go-template={{range $i,$e := .spec.containers}}{{if eq $i 1}}{{break}}{{end}}{{$e.name}}{{end}}{{with $x := .kind}}{{$x}}{{end}}{{len "abc"}}{{if eq 1 2}}a{{else if eq 1 1}}b{{end}}'
get svc web -o 'go-template={{.spec.ports.name}}'
get cm settings -o 'go-template={{len 3}}'
get cm settings -o 'go-template={{eq 1 "a"}}'
get pod p -o 'go-template={{printf "%v|%5s|%-5s|%05d|%q|%t" 1 "a" "b" 2 "c" true}}'
get cm settings -o 'go-template={{.nope.x}}' --allow-missing-template-keys=false
get pods --template '{{len .items}}'
get pods -o go-template
get pods -o go-template={{
get pods -o go-template={{.nope.nope}}
get pods -o go-template={{nope}}
get pods -o custom-columns=NAME:.metadata.name,APP:.metadata.labels.app
get pod p -o custom-columns=C:.spec.containers[*].name --no-headers
get pods -o custom-columns=X
get pods -o custom-columns
get pods -o custom-columns-file=columns.txt
get pods -o custom-columns-file=nope.txt
get pods -o name
get pod p -o name
get pods --sort-by=.metadata.name
get pods --sort-by=.metadata.name -o name
get pods --sort-by={.metadata.labels.app} -o name
get pods --show-kind
get pods -n nowhere
get pods --foo
get pods -z
get pods --output
get pods --chunk-size=x
get pods --watch=maybe
get -f cm.yaml
get -f web.yaml
get -f nope.yaml
get pods -f web.yaml
get --raw /version/nope
get --raw /api/v1/namespaces/NAMESPACE/configmaps/nope
get --raw=/api/v1 pods
get deploy web --subresource=status -o jsonpath={.kind}
get deploy web --subresource=scale
get deploy web --subresource=nope
get pods p --watch-only --request-timeout=2s
get pod p -w --request-timeout=2s
get cm settings --output-watch-events
get nodes NODE
get nodes NODE -o wide
get ns NAMESPACE
get ns NAMESPACE -o yaml
get po p -A
get events -o name --field-selector involvedObject.name=zz
get all -l app=nope
nope
ge pods
--unknown get pods
"""),
    "describing": Scene(_WEB, """
describe
describe pod p
describe pod stuck
describe pods -l app=p
describe pod zz
describe pod st
describe deploy web
describe deploy/web svc/web
describe rs
describe svc web
describe secret keys
describe ns NAMESPACE
describe serviceaccount default
describe sa
describe foo
describe pods -l app=nope
describe -f cm.yaml
describe endpoints web
describe endpointslices
describe pod p --show-events=false
"""),
    "usage": Scene((), """
label
label pods
label pods x
label pods x a
annotate
patch
patch pod
patch pod x
edit
scale
scale deploy/x
scale deploy x --replicas=-2
scale deploy x --replicas=x
rollout
rollout foo
rollout status
rollout restart
rollout undo
rollout history
rollout pause
set
set serviceaccount
set sa
set nope
expose
run x
run x --image
create
create nope
create deployment
create deployment x
create deploy x
create ns
create ns a b
create cm
create configmap x --from-literal=a
create cm x --from-file=nope.txt
create secret
create secret generic
create secret tls x
create secret tls x --cert=nope --key=nope
create secret docker-registry x
create service
create service clusterip
create service clusterip x
create svc nodeport x
create service externalname x
create role x
create role x --verb=get
create clusterrole x --verb=get
create rolebinding x
create clusterrolebinding x
create quota
create quota x --hard=nope
create job x
create cronjob x
create cronjob x --image=i
create cj x --image=i
create ingress x
create ing x --rule=foo
create pdb x
create poddisruptionbudget x --selector=a=b
create priorityclass
create pc NAMESPACE
create token
create token nope
create sa
apply
apply x
apply -f
apply nope
delete
delete pods
delete foo
delete pods --all x
delete pods --all -l a=b
delete pods x --cascade=nope
delete pods x --now --grace-period=3
delete pods x -o yaml
replace
replace x
diff
diff x
wait
wait pod/x
wait pod/x --for=nope
wait pod/x --for=jsonpath=x
wait --for=delete
logs
logs a b c
logs x -c a --all-containers
logs x --tail=-2
logs x --since=x
logs x --since-time=nope
logs x --since=1s --since-time=2020-01-01T00:00:00Z
logs x --limit-bytes=-1
logs zz
exec
exec x
exec x date
exec zz -- date
cordon
cordon zz
uncordon
taint
taint nodes
taint nodes x
taint nodes x a=b
taint nodes x a=b:Nope
taint pods x a=b:NoSchedule
explain
explain pods.nope
explain foo
explain a b
events --types=Nope
events --for=nope/x
events --for=x
events x
auth
auth can-i
auth can-i get
auth nope
auth whoami x
api-resources x
api-resources -o nope
api-resources --sort-by=nope
api-versions x
cluster-info x
config
config nope
version x
version -o nope
"""),
    "usage-of-more": Scene((), """
set image
set image deploy/x
set image deploy/x a
set env
set env deploy/x
set resources
set resources deploy/x
set selector
set subject
run
apply view-last-applied
apply set-last-applied
attach
attach x y z
attach zz
cp
cp a
cp a b
cp a:b c:d
cp zz:/a /tmp/zz
cp /nope rs-x:/a
port-forward
port-forward x
port-forward zz 80
port-forward x a:b
drain
drain zz
drain x -l a=b
drain x --pod-selector='a in ('
auth reconcile
auth can-i --list get
certificate
certificate approve
certificate approve zz
certificate nope
autoscale
autoscale deploy x
autoscale deploy x --max=0
autoscale deploy x --min=3 --max=2
top
top pods
top nodes
top node x y
top pod x -l a=b
top pod zz
completion
completion nope
completion bash x
options x
"""),
    "setting": Scene(("apply -f web.yaml", "apply -f rbac.yaml"), """
set env deploy/web C=d
set env deploy/web A=b
set env deploy/web --list
set env deploy/web A-
set env deploy/web nope-
set env deploy/web --from=cm/settings --keys=k --prefix=X_
set env deploy/web --from=cm/settings --keys=index.html
set env deploy/web --from=secret/keys --prefix=S_
set env deploy/web --from=cm/nope
set env deploy/web --list
set env deploy/web --list --resolve
set env deploy/web C=e --overwrite=false
set env deploy/web --env=Z=1 -c nope
set env deploy/web
set env deploy/web --all A=b
set env deploy --all A=b
set env deploy/web 1=2
set env deploy/web X=1 X-
set env pod/p -c c --list
set env svc/web A=b
get deploy web -o jsonpath={.spec.template.spec.containers[0].env}
set resources deploy/web --limits=cpu=1,memory=1Gi --requests=cpu=100m
set resources deploy/web --limits=cpu=1
set resources deploy/web --limits=cpu=2 -c nope
set resources deploy/web --limits=cpu
set resources deploy/web
set resources deploy/web --limits=cpu=x
get deploy web -o jsonpath={.spec.template.spec.containers[0].resources}
set selector svc/web a=b
set selector svc web 'a in (b)'
set selector svc/web a=b
set selector deploy/web a=b
set selector svc/web
get svc web -o jsonpath={.spec.selector}
set subject rolebinding rb --user=u9 --group=g --serviceaccount=NAMESPACE:default
set subject rolebinding rb
set subject deploy/web --user=u
set subject rolebinding rb --serviceaccount=x
get rolebinding rb -o jsonpath={.subjects}
set sa deploy/web default
set sa deploy/web default
set serviceaccount deploy web
set sa svc/web x
set image deploy/web web=x:2
set image deploy/web web=x:2
set image deploy/web *=x:3
set image deploy/web *=x:3 i=4
set image deploy/web web=
set image deploy/web
set image deploy/web nope=x
set image svc/web nope=x
set image deploy/web web=x:4 --local -o yaml --dry-run=client
set image deploy/web web=x:4 --dry-run=server
set image deploy/web web=x:4 --dry-run=client -o name
"""),
    "pages": Scene(pages.SETUP, pages.LINES),
    "explaining": Scene((), pages.EXPLAINED),
    "permissions": Scene(("apply -f web.yaml",), """
auth reconcile -f rbac.yaml
auth reconcile -f rbac.yaml
auth reconcile -f rbac2.yaml --dry-run=client
auth reconcile -f rbac2.yaml
auth reconcile -f rbac.yaml --remove-extra-subjects --remove-extra-permissions
auth reconcile -f cm.yaml
auth reconcile -f rbac.yaml -o name
get role r -o jsonpath={.rules}
describe role r
describe rolebinding rb
get rolebinding rb -o jsonpath={.subjects}
auth can-i --list
auth can-i --list --no-headers
auth can-i --list --as=u
auth can-i get pods
auth can-i get pods --as=u
auth can-i watch pods --as=u
auth can-i get pods/web --as=u
auth can-i get nodes
auth can-i get nope
auth can-i get /healthz
auth can-i get pods -q
auth can-i '*' '*'
auth can-i get pods --subresource=log --as=u
auth can-i get deployments.apps --as=u
auth whoami
auth whoami -o yaml --as=u --as-group=g
-- create -f csr.yaml
-- certificate approve NAMESPACE-csr
-- certificate approve NAMESPACE-csr
-- certificate deny NAMESPACE-csr
-- certificate approve NAMESPACE-csr zz
-- certificate approve -f csr.yaml -o name
autoscale deploy web --max=3 --dry-run=client -o yaml
autoscale deploy web --max=3 --min=1 --cpu-percent=50 --dry-run=client -o yaml
autoscale deploy/web --max=3
autoscale deploy/web --max=3
autoscale deploy/web --max=3 --name=other -o name
autoscale svc/web --max=3
autoscale pod/p --max=3
get hpa
"""),
    "draining": Scene(("apply -f drain.yaml", "wait --for=condition=Ready pod --all --timeout=20s", "rollout status ds/ds --timeout=20s"), """
drain NODE --pod-selector=drain=NAMESPACE
drain NODE --pod-selector=drain=NAMESPACE --force
drain NODE --pod-selector=drain=NAMESPACE --ignore-daemonsets --force
drain NODE --pod-selector=drain=NAMESPACE --ignore-daemonsets --force --delete-emptydir-data --dry-run=client
drain NODE --pod-selector=drain=NAMESPACE --ignore-daemonsets --force --delete-emptydir-data --dry-run=server
drain NODE --pod-selector=drain=NAMESPACE --ignore-daemonsets --force --delete-emptydir-data --grace-period=0
get pods -l drain=NAMESPACE -o jsonpath={.items[*].metadata.generateName}
drain NODE --pod-selector=drain=NAMESPACE
uncordon NODE
uncordon NODE
cordon NODE --dry-run=client
cordon NODE --dry-run=server
cordon NODE
cordon NODE
drain NODE --pod-selector=nope=1
drain NODE nope --pod-selector=nope=1
uncordon NODE
drain -l a=b
cordon -l kubernetes.io/hostname=NODE
uncordon -l kubernetes.io/hostname=NODE
taint nodes NODE NAMESPACE=v:PreferNoSchedule
taint nodes NODE NAMESPACE=v:PreferNoSchedule
taint nodes NODE NAMESPACE=w:PreferNoSchedule --overwrite
taint nodes NODE NAMESPACE:PreferNoSchedule-
taint nodes NODE NAMESPACE:PreferNoSchedule-
taint nodes NODE NAMESPACE=w:PreferNoSchedule NAMESPACE=w:NoSchedule --dry-run=client
taint nodes NODE NAMESPACE-
taint nodes -l kubernetes.io/hostname=NODE NAMESPACE=w:PreferNoSchedule
taint node/NODE NAMESPACE-
"""),
    "kustomizing": Scene((), """
kustomize base
kustomize over
kustomize nope
kustomize
kustomize a b
kustomize empty
kustomize unknown
kustomize cm.yaml
apply -k small
get cm -l kustomized=yes -o name
apply -k small
diff -k small
apply -k nope
apply -k small -f cm.yaml
get -k small -o name
delete -k small
create -k small
create -k small
delete -k small --ignore-not-found
delete -k small --ignore-not-found
"""),
    "applying": Scene((), """
apply -f cm.yaml
apply -f cm.yaml
apply -f cm2.yaml
get cm cm -o jsonpath={.data}
apply -f two.yaml -o name
apply -f two.yaml --dry-run=client
apply -f two.yaml --dry-run=server
apply -f cm.yaml --dry-run=client -o yaml
apply -f cm2.yaml -o json
apply -f - < list.yaml
apply -f empty.yaml
apply -f unknown-field.yaml
apply -f unknown-field.yaml --validate=warn
apply -f unknown-field.yaml --validate=ignore
apply -f unknown-field.yaml --validate=nope
apply -f bad-name.yaml
apply -f bad.yaml
apply -f no-kind.yaml
apply -f unknown-kind.yaml
apply -f wrong-type.yaml
apply -f other-namespace.yaml
apply -f cm.yaml -l app=cm
apply -f cm.yaml -l app=other
apply -f cm.yaml x
apply -f cm.yaml --server-side
apply -f cm.yaml --server-side --force-conflicts
apply -f cm.yaml --force-conflicts
apply -f cm2.yaml --server-side --field-manager=other
apply -f cm.yaml --server-side --dry-run=client
create cm plain --from-literal=a=1
apply view-last-applied cm plain
apply view-last-applied cm/cm
apply view-last-applied cm/cm -o json
apply view-last-applied cm one two
apply view-last-applied cm/cm -o nope
apply view-last-applied -l app=cm
apply set-last-applied -f cm2.yaml
apply set-last-applied -f cm2.yaml
apply set-last-applied -f cm.yaml --dry-run=client
apply edit-last-applied cm/plain
apply -f web.yaml
apply -f web.yaml --prune
apply -f web.yaml --prune --all -l a=b
apply -f cm.yaml --prune -l app=cm
label cm cm prune=NAMESPACE
apply -f one-pruned.yaml --prune -l prune=NAMESPACE --prune-allowlist=core/v1/ConfigMap
apply -f two-pruned.yaml --prune -l prune=NAMESPACE --prune-allowlist=core/v1/ConfigMap --dry-run=client
apply -f two-pruned.yaml --prune -l prune=NAMESPACE --prune-allowlist=core/v1/ConfigMap
apply -f two-pruned.yaml --prune -l prune=NAMESPACE --prune-allowlist=nope
apply -f two-pruned.yaml --prune -l prune=NAMESPACE --prune-allowlist=a/b/c
get cm -o name
diff -f cm.yaml
diff -f cm2.yaml
diff -f two.yaml
replace -f cm.yaml
replace -f unknown-kind.yaml
replace -f not-there.yaml
replace -f cm2.yaml --dry-run=client
replace -f cm2.yaml -o name
replace -f two.yaml --force
create -f two.yaml
create -f not-there.yaml
create -f not-there.yaml
create -f bad-name.yaml
create -f unknown-field.yaml
create -f not-there.yaml --dry-run=client -o yaml
delete -f two.yaml
delete -f two.yaml
delete -f two.yaml --ignore-not-found
delete cm cm plain
delete cm cm
delete cm nope cm
delete cm --all -o name
delete pods -l nope=x
delete cm x y --dry-run=client
delete pod p --grace-period=0 --force
delete deploy web --cascade=orphan
delete rs -l app=web
delete foo/bar
"""),
    "changing": Scene(_WEB, """
label pod p a=b
label pod p a=b
label pod p a=c
label pod p a=c --overwrite
label pod p a-
label pod p nope-
label pod p a=b app-
label pods --all z=1
label pods -l app=p z-
label pod zz a=b
label pod p 'a=b c'
label pod p _=b
label pod p a=b --dry-run=client
label pod p a=b --dry-run=server -o name
label pod p a=b --local -o yaml
label -f cm.yaml x=y --local -o name
label pod p a=d --overwrite --resource-version=1
annotate pod p a=b
annotate pod p a=b
annotate pod p a=c
annotate pod p a=c --overwrite
annotate pod p a-
annotate pod p nope-
annotate pod p x=y z-
annotate pods --all z=1
annotate pod zz a=b
patch pod p -p '{"metadata":{"labels":{"k":"v"}}}'
patch pod p -p '{"metadata":{"labels":{"k":"v"}}}'
patch pod p -p 'metadata: {labels: {k: w}}'
patch pod p -p '{'
patch pod p -p 'a: b: c'
patch pod p -p '[]'
patch pod p -p '1'
patch pod p --type=json -p '[{"op":"remove","path":"/metadata/labels/k"}]'
patch pod p --type=json -p '[{"op":"remove","path":"/metadata/labels/k"}]'
patch pod p --type=json -p '{}'
patch pod p --type=merge -p '{"metadata":{"labels":{"m":"n"}}}'
patch pod p --type=nope -p '{}'
patch pod p --patch-file=patch.yaml
patch pod p --patch-file=nope.yaml
patch pod p -p '{}' --patch-file=patch.yaml
patch pod zz -p '{}'
patch pod p -p '{"spec":{"nodeName":"x"}}'
patch pod p -p '{"metadata":{"labels":{"k":"v"}}}' --dry-run=client
patch pod p -p '{"metadata":{"labels":{"k":"v"}}}' --dry-run=server
patch pod p -p '{"metadata":{"labels":{"k":"v"}}}' -o name
patch deploy web --subresource=scale --type=merge -p '{"spec":{"replicas":2}}'
patch -f cm.yaml -p '{}'
patch deploy web -p '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"i:2"}]}}}}'
scale deploy web --replicas=3
scale deploy/web --replicas=2 --current-replicas=3
scale deploy/web --replicas=2 --current-replicas=9
scale deploy/web --replicas=2 --dry-run=client
scale deploy/web --replicas=2 -o name
scale deploy/zz --replicas=2
scale pod/p --replicas=2
scale deploy,rs -l nope=x --replicas=2
scale deploy --all --replicas=2
rollout status deploy/web --timeout=30s
rollout status pod/p
rollout history deploy/web
rollout history deploy/web --revision=1
rollout history deploy/web --revision=9
rollout history deploy/web --revision=-1
rollout history pod/p
rollout undo deploy/web
rollout status deploy/web --timeout=30s
rollout undo deploy/web --to-revision=9
rollout undo deploy/web --dry-run=client
rollout undo pod/p
rollout pause deploy/web
rollout pause deploy/web
rollout undo deploy/web
rollout restart deploy/web
rollout resume deploy/web
rollout resume deploy/web
rollout pause pod/p
rollout restart deploy
rollout restart pod/p
rollout restart deploy/zz
rollout status deploy/zz
rollout history deploy
expose deploy web --port=80
expose deploy web --name=other --port=80 --target-port=8080 --type=NodePort
expose deploy web --name=third
expose deploy web --name=dry --port=80 --dry-run=client -o yaml
expose pod p --port=80
expose pod stuck --port=80,81 --name=many --dry-run=client -o yaml
expose svc web --name=again --port=81
expose cm settings --port=80
run r --image=i
run r --image=i
run r2 --image=i --dry-run=client -o yaml --env=A=b --labels=x=y --port=80 --restart=Never --command -- sleep 1
run r3 --image=i --dry-run=client -o yaml --annotations=a=b -- arg1
run r4 --image=i --restart=nope
run r5 --image=i --rm
run r5 --image=i --rm --attach=false
run r5 --image=i -t
run r5 --image=i -i --dry-run=client
run r5 --image=i -it --attach=false --dry-run=client -o yaml
run r5 --image=i -it --attach=false --leave-stdin-open --dry-run=client -o yaml
run r6 --image=i --overrides='{"spec":{"hostNetwork":true}}' --dry-run=client -o yaml
run r7 --image=i --port=80 --expose --dry-run=client
run r8 --image=i --image-pull-policy=nope
run r9 --image=i --env=nope
wait pod/p --for=condition=Ready
wait pod/p --for=condition=Ready=false --timeout=0
wait pod/p --for=condition=Nope --timeout=2s
wait pod/p --for=jsonpath={.status.phase}=Running
wait pod/p --for=jsonpath={.status.phase}=Nope --timeout=2s
wait pod/p --for=jsonpath={.status.nope} --timeout=2s
wait pod/p --for=jsonpath={.status.phase}
wait pod/zz --for=delete --timeout=2s
wait pod/zz --for=condition=Ready --timeout=2s
wait pod/zz --for=create --timeout=2s
wait pod/p --for=create --timeout=2s
wait pod/p --for=delete --timeout=2s
wait cm --all --for=jsonpath={.kind}=ConfigMap -o name
wait pods -l nope=x --for=condition=Ready --timeout=2s
wait pods -l app=p --for=condition=Ready
logs p -c nope
logs p --all-containers --prefix --tail=0
logs zz
logs deploy/zz
logs cm/settings
exec p -c nope -- date
exec zz -- date
exec deploy/zz -- date
events --for=pod/stuck
events --types=Warning --for=pod/stuck
events --for=pod/zz
create -f event.yaml
events --for=configmap/settings
events --for=cm/settings --no-headers
get events --field-selector involvedObject.name=settings -o wide
"""),
    "creating": Scene((), """
create ns NAMESPACE-x
create ns NAMESPACE-x
create cm c --from-literal=a=b --from-file=env.txt --from-file=k=env.txt
create cm c
create cm d --from-env-file=env.txt -o yaml --dry-run=client
create cm e --from-env-file=env.txt --from-literal=a=b
create cm f --from-literal=a=b --from-literal=a=c
create cm g --from-literal='a b=c'
create cm h --from-literal=a=b --append-hash
create secret generic s --from-literal=a=b --append-hash
create secret generic s --from-literal=a=b
create secret generic s --from-literal=a=b
create secret generic t --type=x/y --from-literal=a=b --dry-run=client -o yaml
create secret docker-registry reg --docker-username=u --docker-password=p --docker-email=e --docker-server=h
get secret reg -o jsonpath={.data}
create secret docker-registry reg2 --from-file=.dockerconfigjson=env.txt
create secret tls x --cert=env.txt --key=env.txt
create sa robot
create sa robot
create token default --audience=x --duration=-1s
create token default --bound-object-name=x
create token default --bound-object-kind=Nope
create token zz
create deploy web --image=nginx:1 --replicas=2 --port=80
create deploy web --image=nginx:1
create deploy many --image=a --image=b --dry-run=client -o yaml
create deploy cmd --image=a --dry-run=client -o yaml -- sleep 1
create deploy cmd --image=a --image=b -- sleep 1
create deploy a b --image=i
create job j --image=i -- sleep 1
create job j --image=i
create job k --image=i --dry-run=client -o yaml -- sleep 1
create job k --image=i --from=cronjob/x
create cronjob cj --image=i --schedule='*/1 * * * *' -- date
create cronjob cj --image=i --schedule='*/1 * * * *'
create cronjob cj2 --image=i --schedule='*/1 * * * *' --restart=Never --dry-run=client -o yaml
create job m --from=cronjob/cj --dry-run=client -o jsonpath={.spec.template.spec.containers[0].image}
create job m --from=cronjob/nope
create svc clusterip a --tcp=80:8080
create svc clusterip a --tcp=80
create svc clusterip b --clusterip=None
create svc clusterip c --tcp=x
create svc nodeport d --tcp=80 --node-port=30099 --dry-run=client -o yaml
create svc loadbalancer e --tcp=80:http --dry-run=client -o yaml
create svc externalname f --external-name=x.y
create ingress i --rule=foo.com/bar=svc1:8080,tls=my-cert --rule='a.b/path*=svc2:http' --class=x --default-backend=d:80 --annotation=k=v --dry-run=client -o yaml
create ingress i --rule=foo.com/=svc1:8080
create ingress i --rule=foo.com/=svc1:8080
create ingress j --default-backend=x
create ingress j --rule=x=y
create pdb p --selector=app=x --min-available=1
create pdb p --selector=app=x --min-available=1
create pdb q --selector='app in (x,y)' --max-unavailable=50% --dry-run=client -o yaml
create pdb q --selector=app=x --max-unavailable=x
create pdb q --selector=app=x --max-unavailable=1 --min-available=1
create priorityclass NAMESPACE-pc --value=10 --description=d --preemption-policy=Never
create priorityclass NAMESPACE-pc --value=10
create pc NAMESPACE-pd --value=10 --preemption-policy=x
create quota q --hard=cpu=1,memory=1Gi,pods=2 --scopes=BestEffort --dry-run=client -o yaml
create quota q --hard=pods=2
create quota q --hard=pods=2
create role r --verb=get,list --resource=pods,deployments.apps,pods/log --dry-run=client -o yaml
create role r --verb=get --resource=pods --resource-name=a --resource-name=b
create role r --verb=get --resource=pods
create role s --verb=nope --resource=pods
create role s --verb=get --resource=nope
create role s --verb=get --resource=pods,services --resource-name=a
create clusterrole NAMESPACE-cr --verb=get --non-resource-url=/x/* --dry-run=client -o yaml
create clusterrole NAMESPACE-cr --aggregation-rule=a=b --dry-run=client -o yaml
create clusterrole NAMESPACE-cr --verb=get --resource=nodes
create rolebinding rb --role=r --user=u --group=g --serviceaccount=NAMESPACE:robot
create rolebinding rb --role=r --user=u
create rolebinding rc --role=r --clusterrole=x
create rolebinding rc --clusterrole=x --serviceaccount=x
create clusterrolebinding NAMESPACE-crb --clusterrole=x --user=u --dry-run=client -o yaml
create clusterrolebinding NAMESPACE-crb --clusterrole=x --user=u
create cm z --from-literal=a=b --dry-run=nope
create cm z --from-literal=a=b --validate=nope
"""),
    "debugging": Scene(("apply -f web.yaml", "wait --for=condition=Ready pod/p --timeout=60s", "apply -f asuser.yaml -f probed.yaml"), """
debug
debug p
debug p --image=I
debug p --image=busybox --copy-to=x --target=c
debug p --image=busybox -t
debug p --image=busybox --replace
debug p --image=busybox --same-node
debug p --image=busybox --set-image=c=x
debug p --copy-to=x
debug p --copy-to=x -- sleep 1
debug p --attach
debug --image=busybox
debug p --image=busybox --image-pull-policy=nope
debug p --copy-to=x --set-image=c=X
debug p --copy-to=x --set-image=c
debug p --image=busybox --profile=nope
debug p --image=busybox --custom=nope.yaml
debug p --image=busybox --custom=named.yaml
debug zz --image=busybox
debug deploy/web --image=busybox
debug nodes/zz --image=busybox
debug p --image=busybox -c dbg -- sleep 100
debug p --image=busybox -c dbg -- sleep 100
debug p --image=busybox --target=c -c dbg2 --profile=general --env=A=b --image-pull-policy=Never
debug p --image=busybox -c dbg3 --profile=baseline --arguments-only -- a b
debug p --image=busybox -c dbg4 --profile=restricted -q --target=c
debug pod/p --image=busybox -c dbg5 --profile=netadmin
debug p --image=busybox -c dbg6 --profile=sysadmin
debug p --image=busybox -c dbg7 --profile=general --custom=custom.yaml
get pod p -o jsonpath={.spec.ephemeralContainers}
debug p --image=busybox --copy-to=c1 -c dbg -- sleep 100
debug p --image=busybox --copy-to=c1 -c dbg -- sleep 100
debug p --image=busybox --copy-to=c2 -c dbg --profile=general --same-node --share-processes=false
debug p --image=busybox --copy-to=c3 -c dbg --profile=baseline --keep-labels --keep-annotations
debug p --copy-to=c4 -c c --profile=restricted --keep-init-containers=false -- sleep 7
debug p --copy-to=c5 --set-image=*=busybox:2,d=busybox:3 --profile=sysadmin
debug p --image=busybox --copy-to=c6 -c dbg --profile=netadmin --set-image=c=i:2
debug p --image=busybox --copy-to=c7 -c dbg --profile=sysadmin --custom=custom.yaml
debug p --image=busybox --copy-to=c8 -c c --arguments-only -- x
debug probed --image=busybox --copy-to=c9 -c dbg --profile=general --keep-liveness --keep-startup
get pods c1 c2 c3 c4 c5 c6 c7 c8 c9 -o custom-columns=N:.metadata.name,L:.metadata.labels,A:.metadata.annotations,S:.spec.shareProcessNamespace,C:.spec.containers,I:.spec.initContainers[*].name
debug stuck --image=busybox --copy-to=c10 --replace -c dbg
get pod stuck
debug node/NODE --image=busybox -q -c node1 -- sleep 5
debug node/NODE --image=busybox -q -c node2 --profile=general
debug node/NODE --image=busybox -q --profile=baseline -c node3
debug node/NODE --image=busybox -q -c node4 --profile=restricted
debug node/NODE --image=busybox -q -c node5 --profile=netadmin
debug node/NODE --image=busybox -q -c node6 --profile=sysadmin --custom=custom.yaml
debug node/NODE --image=busybox
get pods --field-selector=spec.restartPolicy=Never -o custom-columns=H:.spec.hostPID,N:.spec.hostNetwork,I:.spec.hostIPC,V:.spec.volumes[*].hostPath,C:.spec.containers[*].name,M:.spec.containers[*].volumeMounts[*].mountPath,S:.spec.containers[*].securityContext,T:.spec.tolerations --sort-by={.spec.containers[0].name}
debug asuser --image=busybox --profile=general -c dbg
debug -f asuser.yaml --image=busybox --profile=sysadmin -c dbg2
debug p asuser --image=busybox --profile=general -c dbg8
"""),
    "editing": Scene(("create -f cm.yaml", "create deploy x --image=i", "rollout status deploy/x"), """
create -f one.yaml --edit
EDITOR=cat create -f cm.yaml --edit
EDITOR=ed-name create -f two.yaml --edit
EDITOR=ed-name create -f two.yaml --edit
EDITOR=ed-name create -f cm.yaml --edit -o name
EDITOR=ed-bad-name create -f two.yaml --edit
EDITOR=ed-name create -f cm.yaml --edit --windows-line-endings
EDITOR=ed-label edit cm cm --output-patch
EDITOR=ed-label edit cm cm
EDITOR=ed-relabel edit cm cm -o yaml
EDITOR=true edit deploy/x
EDITOR=true edit deploy/zz
EDITOR=true edit deploy/zz --subresource=scale
EDITOR=true edit deploy/x --subresource=scale
EDITOR=true edit deploy/x --subresource=nope
EDITOR=true edit cm
EDITOR=ed-field edit cm cm
EDITOR=ed-relabel edit cm cm --validate=ignore -o json
EDITOR=ed-relabel edit cm,sa --output-patch
EDITOR=/nope edit cm cm
EDITOR=false edit cm cm
EDITOR=ed-rename edit cm cm
EDITOR=true edit -f cm.yaml
EDITOR=ed-label edit cm -l nope=x
EDITOR=true edit cm cm -o name
apply -f cm.yaml
EDITOR=ed-label apply edit-last-applied cm/cm
EDITOR=true apply edit-last-applied cm/cm
EDITOR=ed-relabel apply edit-last-applied -f cm.yaml -o yaml
get cm cm -o yaml
"""),
    "flags": Scene(_WEB, """
expose deploy web --name=e1 --port=80 --external-ip=1.2.3.4 --session-affinity=ClientIP --save-config
get svc e1 -o jsonpath={.spec.externalIPs}{.spec.sessionAffinity}
expose deploy web --name=e2 --port=80 --type=LoadBalancer --load-balancer-ip=5.6.7.8 --dry-run=client -o yaml -l a=b --selector=c=d
expose deploy web --name=e3 --port=80 --overrides='{"spec":{"type":"NodePort"}}' --dry-run=client -o yaml
expose deploy web --name=e4 --port=80 --override-type=json --overrides='[{"op":"add","path":"/metadata/labels/x","value":"y"}]' --dry-run=client -o yaml
expose deploy web --name=e5 --port=80 --override-type=strategic --overrides='{"spec":{"ports":[{"port":80,"name":"n"}]}}' --dry-run=client -o yaml
expose deploy web --name=e6 --port=80 --override-type=nope --overrides='{}'
expose deploy web --name=e7 --port=80 --session-affinity=nope
expose deploy web --name=e8 --port=80 --protocol=UDP --dry-run=client -o yaml
run r1 --image=i --privileged --dry-run=client -o yaml
run r2 --image=i --save-config --dry-run=client -o jsonpath={.metadata.annotations}
run r3 --image=i --override-type=strategic --overrides='{"spec":{"containers":[{"name":"r3","tty":true}]}}' --dry-run=client -o yaml
run r4 --image=i --override-type=json --overrides='[{"op":"add","path":"/spec/hostPID","value":true}]' --dry-run=client -o yaml
run r5 --image=i --override-type=nope --overrides='{}'
run r6 --image=i --overrides=nope
replace -f cm.yaml --raw=/api/v1/namespaces/NAMESPACE/configmaps/zz
create cm cm --from-literal=a=0
replace -f cm.yaml --raw=/api/v1/namespaces/NAMESPACE/configmaps/cm/nope
replace -f cm.yaml -f two.yaml --raw=/api
replace -f https://x --raw=/api
replace -f cm.yaml --raw=/api -R
replace -f cm.yaml --raw=/api -o yaml
replace -f cm.yaml --raw=api
replace -f cm.yaml --grace-period=1
replace -f cm.yaml --timeout=1s
replace -f cm.yaml --subresource=nope
replace -f cm.yaml --subresource=status
replace -f scale.yaml --subresource=scale
replace -f cm.yaml --force --grace-period=0
replace -f cm.yaml --force --wait --timeout=20s
replace -f not-there.yaml --force
apply -f two.yaml -l x=y
apply -f two.yaml
diff -f cm.yaml --prune --prune-allowlist=core/v1/ConfigMap
diff -f cm.yaml --prune --prune-allowlist=core/v1/ConfigMap -l nope=x
diff -f two.yaml --prune --prune-allowlist=core/v1/ConfigMap
diff -f cm.yaml -l nope=x
diff -f cm2.yaml -l app=cm
diff -f cm.yaml --force-conflicts
apply -f cm.yaml --server-side --force-conflicts
diff -f cm2.yaml --server-side
diff -f cm2.yaml --server-side --force-conflicts --field-manager=x
diff -f cm2.yaml --server-side --field-manager=x
diff -f cm2.yaml --concurrency=4
plugin list
plugin
plugin list --name-only
hello
hello world -x --yaml y
hello-there a
create-x
kustomize base --load-restrictor=nope
kustomize base --network --network-name=x --as-current-user --mount=a -e A=b --enable-alpha-plugins
kustomize outside
kustomize outside --load-restrictor=LoadRestrictionsNone
cluster-info dump --namespaces=NAMESPACE-none --output-directory=dumped
cluster-info dump --namespaces=NAMESPACE-none -o nope
top node --show-capacity
taint node NODE NAMESPACE=x:NoSchedule --validate=nope --dry-run=client
explain pod -R
config set-credentials x --kubeconfig=own-config --auth-provider=gcp --auth-provider-arg=a=b --auth-provider-arg=c=d
config set-credentials x --kubeconfig=own-config --auth-provider-arg=a-
config set-credentials v --kubeconfig=own-config --exec-command=x --exec-interactive-mode=Never --exec-provide-cluster-info
config set-credentials v --kubeconfig=own-config --exec-env=a=b --exec-env=c=d --exec-arg=-x --exec-api-version=client.authentication.k8s.io/v1beta1
config set-credentials v --kubeconfig=own-config --exec-env=a-
config set-credentials w --kubeconfig=own-config --exec-interactive-mode=nope --exec-command=x
config set-credentials w --kubeconfig=own-config --token=x --username=y
config view --kubeconfig=own-config
config view --kubeconfig=own-config -o json
set selector svc/web a=b --dry-run=client -o name
get pods --profile=none --vmodule=x=1 --log-flush-frequency=1s -o name -l app=p
certificate approve zz
apply -f cm.yaml --prune -l app=cm --prune-allowlist=core/v1/ConfigMap
"""),
}

"""The files of the kustomizations that both kubectls build: a base with everything that names something else, and an overlay with every field."""
from __future__ import annotations

FILES: dict[str, str] = {
    "base/d.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: acct
      containers:
      - name: web
        image: nginx:1.2
        envFrom: [{configMapRef: {name: conf}}, {secretRef: {name: sec}}]
        env: [{name: A, valueFrom: {configMapKeyRef: {name: conf, key: a}}}]
      - name: side
        image: reg.io:5000/x/side@sha256:abc
      volumes: [{name: v, configMap: {name: conf}}, {name: s, secret: {secretName: sec}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: acct}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: cr}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: crb}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cr}
subjects: [{kind: ServiceAccount, name: acct, namespace: default}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: h}
spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
---
apiVersion: v1
kind: Namespace
metadata: {name: nsx}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ing}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: cj}
spec: {schedule: "* * * * *", jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: busybox}], restartPolicy: Never}}}}}
""",
    "base/e.env": """\
X=1
Y=2
""",
    "base/f.txt": """\
hello
""",
    "base/kustomization.yaml": """\
resources: [d.yaml]
configMapGenerator:
- name: conf
  literals: [a=1, "b=two words"]
  files: [f.txt, k2=f.txt]
- name: envs
  envs: [e.env]
secretGenerator:
- name: sec
  literals: [p=q]
  type: Opaque
""",
    "over/kustomization.yaml": """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../base]
namespace: prod
namePrefix: pre-
nameSuffix: -suf
commonLabels: {team: x}
commonAnnotations: {note: hi}
labels:
- pairs: {extra: why}
- pairs: {tmpl: zed}
  includeTemplates: true
- pairs: {sel: ess}
  includeSelectors: true
images:
- name: nginx
  newName: docker.io/nginx
  newTag: "9"
- name: reg.io:5000/x/side
  digest: sha256:def
- name: busybox
  newTag: "1.36"
replicas:
- name: web
  count: 4
patches:
- patch: |-
    - op: replace
      path: /spec/ports/0/port
      value: 81
  target: {kind: Service}
- path: p.yaml
- target: {labelSelector: app=web}
  patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: any}
    spec: {template: {spec: {hostNetwork: true}}}
configMapGenerator:
- name: conf
  behavior: merge
  literals: [a=9, z=1]
- name: nohash
  literals: [a=1]
  options: {disableNameSuffixHash: true, labels: {g: h}}
generatorOptions:
  annotations: {gen: "yes"}
""",
    "over/p.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
      - name: web
        resources: {limits: {cpu: "1"}}
      - name: side
        $patch: delete
""",
    "small/kustomization.yaml": """\
resources: [../cms]
namePrefix: k-
labels: [{pairs: {kustomized: "yes"}}]
configMapGenerator: [{name: made, literals: [a=1]}]
""",
    "cms/kustomization.yaml": "resources: [../cms/cm.yaml]\n",
    "cms/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm}\ndata: {a: '1'}\n",
    "empty/kustomization.yaml": "",
    "unknown/kustomization.yaml": "foo: 1\n",
    "twice/kustomization.yaml": "resources: [cm.yaml, cm.yaml]\n",
    "twice/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm}\n",
}

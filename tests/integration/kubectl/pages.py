"""What `describe` is compared on: an object of each kind that has a page, with everything that the page can tell; and what `explain` is."""
from __future__ import annotations

FILES = {"pages.yaml": """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: sts, labels: {app: sts}, annotations: {a: b}}
spec:
  serviceName: sts
  replicas: 2
  selector: {matchLabels: {app: sts}}
  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 1}}
  template:
    metadata: {labels: {app: sts}}
    spec: {containers: [{name: c, image: "i:1", volumeMounts: [{name: data, mountPath: /data}]}]}
  volumeClaimTemplates:
  - metadata: {name: data, labels: {x: "y"}, annotations: {p: q}}
    spec: {accessModes: [ReadWriteOnce], storageClassName: fast, resources: {requests: {storage: 1Gi}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: job, labels: {app: job}}
spec:
  parallelism: 2
  completions: 3
  backoffLimit: 4
  activeDeadlineSeconds: 600
  ttlSecondsAfterFinished: 1000
  template:
    spec: {restartPolicy: Never, containers: [{name: c, image: "i:1", command: [a, b], env: [{name: A, value: "1"}]}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: indexed}
spec:
  completionMode: Indexed
  completions: 2
  suspend: true
  podFailurePolicy:
    rules:
    - action: FailJob
      onExitCodes: {containerName: c, operator: In, values: [1, 2]}
    - action: Ignore
      onPodConditions: [{type: DisruptionTarget, status: "True"}]
  template:
    spec: {restartPolicy: Never, containers: [{name: c, image: "i:1"}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: cron, labels: {app: cron}}
spec:
  schedule: "0 0 1 1 *"
  timeZone: Etc/UTC
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 100
  successfulJobsHistoryLimit: 5
  jobTemplate:
    spec:
      parallelism: 1
      completions: 2
      activeDeadlineSeconds: 10
      template:
        spec: {restartPolicy: OnFailure, containers: [{name: c, image: "i:1", args: [x]}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: claim, labels: {app: c}}
spec: {accessModes: [ReadWriteOnce, ReadOnlyMany], storageClassName: NAMESPACE-sc, resources: {requests: {storage: 1Gi}}, selector: {matchLabels: {a: b}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: plain}
spec: {accessModes: [ReadWriteMany], volumeMode: Block, volumeName: nope, resources: {requests: {storage: 2Gi}}, dataSource: {kind: PersistentVolumeClaim, name: claim}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: NAMESPACE-pv, labels: {a: b}}
spec:
  capacity: {storage: 5Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: NAMESPACE-sc
  claimRef: {namespace: NAMESPACE, name: other}
  hostPath: {path: /data, type: DirectoryOrCreate}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [n1, n2]}]}, {matchExpressions: [{key: z, operator: Exists}]}]}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: NAMESPACE-nfs}
spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteMany], volumeMode: Block, nfs: {server: s, path: /p}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: NAMESPACE-csi}
spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOncePod], mountOptions: [ro], csi: {driver: d.example.com, volumeHandle: h, fsType: ext4, volumeAttributes: {a: b}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ing, labels: {app: i}, annotations: {x: w}}
spec:
  ingressClassName: nginx
  defaultBackend: {service: {name: zz, port: {number: 80}}}
  tls: [{hosts: [a.example.com, b.example.com], secretName: s}, {secretName: t}]
  rules:
  - host: a.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}, {path: /x, pathType: Exact, backend: {service: {name: web, port: {name: http}}}}]}
  - http: {paths: [{path: /y, pathType: Prefix, backend: {resource: {apiGroup: g, kind: K, name: nn}}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: bare}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: quota}
spec: {hard: {pods: "100", requests.cpu: "20", limits.memory: 100Gi}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: scoped}
spec: {hard: {pods: "100"}, scopes: [BestEffort, NotTerminating]}
---
apiVersion: v1
kind: LimitRange
metadata: {name: limits}
spec:
  limits:
  - {type: Container, min: {cpu: 10m}, max: {cpu: "2"}, default: {cpu: 500m}, defaultRequest: {cpu: 100m}}
  - {type: Pod, max: {cpu: "4"}, maxLimitRequestRatio: {cpu: "5"}}
  - {type: PersistentVolumeClaim, min: {storage: 1Gi}, max: {storage: 9Gi}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: pdb}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: most}
spec: {maxUnavailable: 50%, selector: {matchExpressions: [{key: app, operator: In, values: [a, b]}]}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: none}
spec: {maxUnavailable: 1}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: np, labels: {a: b}}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - ipBlock: {cidr: 10.1.0.0/16, except: [10.1.1.0/24, 10.1.2.0/24]}
    - namespaceSelector: {matchLabels: {ns: x}}
      podSelector: {matchLabels: {p: q}}
    - podSelector: {matchExpressions: [{key: a, operator: NotIn, values: [b]}]}
    ports: [{port: 80, protocol: TCP}, {port: 90, endPort: 95}]
  - ports: [{port: dns, protocol: UDP}]
  egress:
  - to: [{ipBlock: {cidr: 10.0.0.0/8}}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}, policyTypes: [Ingress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: all}
spec: {podSelector: {}, policyTypes: [Egress], egress: [{}]}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: NAMESPACE-sc, annotations: {storageclass.kubernetes.io/is-default-class: "false"}}
provisioner: example.com/p
parameters: {type: fast, zone: a}
allowVolumeExpansion: true
mountOptions: [ro, soft]
reclaimPolicy: Retain
volumeBindingMode: WaitForFirstConsumer
allowedTopologies: [{matchLabelExpressions: [{key: zone, values: [a, b]}, {key: rack, values: [r]}]}]
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: NAMESPACE-plain}
provisioner: example.com/p
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: NAMESPACE-high}
value: 1000
description: for a test
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: hpa, labels: {a: b}}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 5
  metrics:
  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}
  - {type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: 100Mi}}}
  - {type: ContainerResource, containerResource: {name: cpu, container: c, target: {type: Utilization, averageUtilization: 60}}}
  - {type: Pods, pods: {metric: {name: hits}, target: {type: AverageValue, averageValue: "10"}}}
  - {type: Object, object: {metric: {name: rps}, describedObject: {apiVersion: v1, kind: Service, name: web}, target: {type: Value, value: "7"}}}
  - {type: External, external: {metric: {name: queue, selector: {matchLabels: {q: w}}}, target: {type: AverageValue, averageValue: "30"}}}
  behavior:
    scaleUp: {stabilizationWindowSeconds: 10, selectPolicy: Max, policies: [{type: Pods, value: 4, periodSeconds: 60}, {type: Percent, value: 10, periodSeconds: 60}]}
    scaleDown: {stabilizationWindowSeconds: 300, policies: [{type: Percent, value: 100, periodSeconds: 15}]}
---
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: simple}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, maxReplicas: 3, targetCPUUtilizationPercentage: 80}
"""}

SETUP = ("create -f pages.yaml", "apply -f web.yaml")
LINES = """
describe sts sts
describe job job
describe job indexed
describe job
describe cronjob cron
describe pvc
describe pvc plain
describe pv NAMESPACE-pv
describe pv NAMESPACE-nfs
describe pv NAMESPACE-csi
describe ingress
describe ing bare
describe quota
describe limits
describe pdb
describe netpol
describe netpol np
describe sc NAMESPACE-sc
describe sc NAMESPACE-plain
describe pc NAMESPACE-high
describe pc system-node-critical
describe hpa
describe hpa simple
delete -f pages.yaml --wait=false -o name
"""

EXPLAINED = """
explain pod
explain pod.spec
explain pod.spec.containers.imagePullPolicy
explain deploy.spec.strategy
explain pod.spec.nodeName
explain pod --recursive
explain pod.spec.restartPolicy
explain svc.spec.ports
explain job.spec.completionMode
explain pod.metadata
explain node.status.capacity
explain pvc.spec.resources
explain cm.data
explain hpa.spec.metrics.resource.target
explain pod.spec.volumes.configMap.items
explain crd
explain deploy.spec.template.spec.affinity.podAffinity
explain deploy --recursive
explain pod.nope
explain pod.spec.containers.ports --recursive
explain crd --recursive
explain netpol.spec.ingress.ports.port
explain pod.metadata.managedFields
explain pods --api-version=v1
explain hpa --api-version=autoscaling/v1
explain node.spec.taints.effect
explain pod.spec.containers.resources.limits
explain pod.spec.tolerations
explain svc
explain pod.spec.foo.bar
explain pod -o nope
"""

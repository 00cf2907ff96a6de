"""The roles that every cluster begins with, as upstream's bootstrap policy of v1.36 has them; policy.py makes objects of it.

A role's line: its name; `+admin`: its rules become part of that role; `<view`: its own rules are the sum of those that are to become
part of view. A rule's line: verbs, groups (`core` is the empty one, `url` means paths), resources or paths, and `=` names.
"""
from __future__ import annotations

VERBS = {"read": "get,list,watch", "write": "create,delete,deletecollection,patch,update",
         "all": "create,delete,deletecollection,get,list,patch,update,watch"}
EVENTS = "create,patch,update core,events events"
ACCESS_CHECKS = """
  create authentication tokenreviews
  create authorization subjectaccessreviews"""

# What a kubelet may do besides what the Node authorizer knows of it; the role is for those who do without that one.
NODE = f"""
system:node{ACCESS_CHECKS}
  create authorization localsubjectaccessreviews
  read core services
  create,read core nodes
  patch,update core nodes,nodes/status
  create,patch,update core events
  read core pods
  create,delete core pods
  patch,update core pods/status
  create core pods/eviction
  read core configmaps,secrets
  get core persistentvolumeclaims,persistentvolumes,endpoints
  create,read certificates certificatesigningrequests
  create,delete,get,patch,update coordination leases
  get storage volumeattachments
  get,patch,update core persistentvolumeclaims/status
  create core serviceaccounts/token
  read storage csidrivers
  create,delete,get,patch,update storage csinodes
  read node runtimeclasses
  get resource resourceclaims
  all resource resourceslices
"""

CLUSTER_ROLES = f"""
cluster-admin
  * * *
  * url *
system:discovery
  get url /api,/api/*,/apis,/apis/*,/healthz,/livez,/openapi,/openapi/*,/readyz,/version,/version/
system:public-info-viewer
  get url /healthz,/livez,/readyz,/version,/version/
system:monitoring
  get url /healthz,/healthz/*,/livez,/livez/*,/metrics,/metrics/slis,/readyz,/readyz/*
system:basic-user
  create authorization selfsubjectaccessreviews,selfsubjectrulesreviews
  create authentication selfsubjectreviews
system:service-account-issuer-discovery
  get url /.well-known/openid-configuration,/openid/v1/jwks
admin <admin
edit <edit +admin
view <view +edit
system:aggregate-to-admin +admin
  create authorization localsubjectaccessreviews
  all rbac rolebindings,roles
system:aggregate-to-edit +edit
  read core pods/attach,pods/exec,pods/portforward,pods/proxy,secrets,services/proxy
  impersonate core serviceaccounts
  write core pods,pods/attach,pods/exec,pods/portforward,pods/proxy
  create core pods/eviction
  write core configmaps,events,persistentvolumeclaims,replicationcontrollers,replicationcontrollers/scale,secrets,serviceaccounts,services,services/proxy
  create core serviceaccounts/token
  write apps daemonsets,deployments,deployments/rollback,deployments/scale,replicasets,replicasets/scale,statefulsets,statefulsets/scale
  write autoscaling horizontalpodautoscalers
  write batch cronjobs,jobs
  write extensions daemonsets,deployments,deployments/rollback,deployments/scale,ingresses,networkpolicies,replicasets,replicasets/scale,\
replicationcontrollers/scale
  write policy poddisruptionbudgets
  write networking ingresses,networkpolicies
  all coordination leases
  write resource resourceclaims,resourceclaimtemplates
system:aggregate-to-view +view
  read core configmaps,endpoints,persistentvolumeclaims,persistentvolumeclaims/status,pods,replicationcontrollers,replicationcontrollers/scale,\
serviceaccounts,services,services/status
  read core bindings,events,limitranges,namespaces/status,pods/log,pods/status,replicationcontrollers/status,resourcequotas,resourcequotas/status
  read core namespaces
  read discovery endpointslices
  read apps controllerrevisions,daemonsets,daemonsets/status,deployments,deployments/scale,deployments/status,replicasets,replicasets/scale,\
replicasets/status,statefulsets,statefulsets/scale,statefulsets/status
  read autoscaling horizontalpodautoscalers,horizontalpodautoscalers/status
  read batch cronjobs,cronjobs/status,jobs,jobs/status
  read extensions daemonsets,daemonsets/status,deployments,deployments/scale,deployments/status,ingresses,ingresses/status,networkpolicies,\
replicasets,replicasets/scale,replicasets/status,replicationcontrollers/scale
  read policy poddisruptionbudgets,poddisruptionbudgets/status
  read networking ingresses,ingresses/status,networkpolicies
  read resource resourceclaims,resourceclaims/status,resourceclaimtemplates
system:heapster
  read core events,namespaces,nodes,pods
  read extensions deployments
{NODE.strip()}
system:node-problem-detector
  get core nodes
  patch core nodes/status
  {EVENTS}
system:kubelet-api-admin
  read core nodes
  proxy core nodes
  * core nodes/configz,nodes/healthz,nodes/log,nodes/metrics,nodes/pods,nodes/proxy,nodes/stats
system:node-bootstrapper
  create,read certificates certificatesigningrequests
system:auth-delegator{ACCESS_CHECKS}
system:kube-aggregator
  read core endpoints,services
system:kube-controller-manager
  {EVENTS}
  create coordination leases
  get,update coordination leases =kube-controller-manager
  create core secrets,serviceaccounts
  delete core secrets
  get core configmaps,namespaces,secrets,serviceaccounts
  update core secrets,serviceaccounts{ACCESS_CHECKS}
  list,watch * *
  create core serviceaccounts/token
system:kube-dns
  list,watch core endpoints,services
system:persistent-volume-provisioner
  create,delete,read core persistentvolumes
  read,update core persistentvolumeclaims
  read storage storageclasses
  watch core events
  {EVENTS}
system:certificates.k8s.io:certificatesigningrequests:nodeclient
  create certificates certificatesigningrequests/nodeclient
system:certificates.k8s.io:certificatesigningrequests:selfnodeclient
  create certificates certificatesigningrequests/selfnodeclient
system:certificates.k8s.io:legacy-unknown-approver
  approve certificates signers =kubernetes.io/legacy-unknown
system:certificates.k8s.io:kubelet-serving-approver
  approve certificates signers =kubernetes.io/kubelet-serving
system:certificates.k8s.io:kube-apiserver-client-approver
  approve certificates signers =kubernetes.io/kube-apiserver-client
system:certificates.k8s.io:kube-apiserver-client-kubelet-approver
  approve certificates signers =kubernetes.io/kube-apiserver-client-kubelet
system:volume-scheduler
  patch,read,update core persistentvolumeclaims,persistentvolumes
  read storage storageclasses
system:node-proxier
  list,watch core endpoints,services
  read core nodes
  list,watch discovery endpointslices
  list,watch networking servicecidrs
  {EVENTS}
system:kube-scheduler
  {EVENTS}
  create coordination leases
  get,list,update,watch coordination leases =kube-scheduler
  read core nodes
  delete,read core pods
  create core bindings,pods/binding
  patch,update core pods/status
  read core replicationcontrollers,services
  read apps,extensions replicasets
  read apps statefulsets
  read policy poddisruptionbudgets
  read core persistentvolumeclaims,persistentvolumes{ACCESS_CHECKS}
  read storage csidrivers,csinodes,csistoragecapacities,volumeattachments
  read core namespaces
  read resource deviceclasses,resourceclaims,resourceslices
  patch,update resource resourceclaims,resourceclaims/status
"""

# Those of system:controller:NAME; --use-service-account-credentials would have each controller be the ServiceAccount NAME.
CONTROLLER_ROLES = f"""
attachdetach-controller
  list,watch core persistentvolumeclaims,persistentvolumes,pods
  read core nodes
  patch,update core nodes/status
  {EVENTS}
  create,delete,read storage volumeattachments
  read storage csidrivers,csinodes
clusterrole-aggregation-controller
  escalate,patch,read,update rbac clusterroles
cronjob-controller
  read,update batch cronjobs
  create,delete,patch,read,update batch jobs
  update batch cronjobs/finalizers,cronjobs/status
  delete,list,watch core pods
  {EVENTS}
daemon-set-controller
  read apps,extensions daemonsets
  update apps,extensions daemonsets/finalizers,daemonsets/status
  list,watch core nodes
  create,delete,list,patch,watch core pods
  create core pods/binding
  create,delete,patch,read,update apps controllerrevisions
  {EVENTS}
deployment-controller
  read,update apps,extensions deployments
  update apps,extensions deployments/finalizers,deployments/status
  create,delete,patch,read,update apps,extensions replicasets
  read,update core pods
  {EVENTS}
device-taint-eviction-controller
  delete,read core pods
  patch,update core pods/status
  read resource deviceclasses,resourceclaims,resourceslices
  {EVENTS}
disruption-controller
  read apps,extensions deployments,replicasets
  read core replicationcontrollers
  read policy poddisruptionbudgets
  read apps statefulsets
  update policy poddisruptionbudgets/status
  patch,update core pods/status
  get * */scale
  {EVENTS}
endpoint-controller
  read core pods,services
  create,delete,read,update core endpoints
  create core endpoints/restricted
  {EVENTS}
endpointslice-controller
  read core nodes,pods,services
  update core services/finalizers
  create,delete,read,update discovery endpointslices
  {EVENTS}
endpointslicemirroring-controller
  read core endpoints,services
  update core endpoints/finalizers,services/finalizers
  create,delete,read,update discovery endpointslices
  {EVENTS}
ephemeral-volume-controller
  read core pods
  update core pods/finalizers
  create,read core persistentvolumeclaims
  {EVENTS}
expand-controller
  patch,read,update core persistentvolumes
  patch,update core persistentvolumeclaims/status
  read core persistentvolumeclaims
  {EVENTS}
generic-garbage-collector
  delete,patch,read,update * *
  {EVENTS}
horizontal-pod-autoscaler
  read autoscaling horizontalpodautoscalers
  update autoscaling horizontalpodautoscalers/status
  get,update * */scale
  list,watch core pods
  list,watch metrics pods
  read custom.metrics,external.metrics *
  {EVENTS}
job-controller
  patch,read,update batch jobs
  update batch jobs/finalizers,jobs/status
  create,delete,list,patch,watch core pods
  {EVENTS}
namespace-controller
  delete,read core namespaces
  update core namespaces/finalize,namespaces/status
  delete,deletecollection,read * *
node-controller
  delete,patch,read,update core nodes
  patch,update core nodes/status,pods/status
  delete,read core pods
  {EVENTS}
persistent-volume-binder
  create,delete,read,update core persistentvolumes
  update core persistentvolumeclaims/status,persistentvolumes/status
  read,update core persistentvolumeclaims
  create,delete,read core pods
  read storage storageclasses
  list,watch core nodes
  watch core events
  {EVENTS}
pod-garbage-collector
  delete,list,watch core pods
  read core nodes
  patch core pods/status
pv-protection-controller
  read,update core persistentvolumes
  {EVENTS}
pvc-protection-controller
  read,update core persistentvolumeclaims
  read core pods
  {EVENTS}
replicaset-controller
  read,update apps,extensions replicasets
  update apps,extensions replicasets/finalizers,replicasets/status
  create,delete,list,patch,watch core pods
  {EVENTS}
replication-controller
  read,update core replicationcontrollers
  update core replicationcontrollers/finalizers,replicationcontrollers/status
  create,delete,list,patch,watch core pods
  {EVENTS}
resource-claim-controller
  read core pods
  update core pods/finalizers
  create,delete,patch,read,update resource resourceclaims
  patch,update resource resourceclaims/status
  patch,update core pods/status
  {EVENTS}
resourcequota-controller
  list,watch * *
  update core resourcequotas/status
  {EVENTS}
root-ca-cert-publisher
  create,update core configmaps
  {EVENTS}
route-controller
  list,watch core nodes
  patch core nodes/status
  {EVENTS}
selinux-warning-controller
  {EVENTS}
  read core persistentvolumeclaims,persistentvolumes,pods
  read storage csidrivers
service-account-controller
  create core serviceaccounts
  {EVENTS}
service-cidrs-controller
  patch,read,update networking servicecidrs
  patch,update networking servicecidrs/finalizers,servicecidrs/status
  read networking ipaddresses
  {EVENTS}
service-controller
  read core services
  patch,update core services/status
  list,watch core nodes
  {EVENTS}
statefulset-controller
  read apps statefulsets
  update apps statefulsets/finalizers,statefulsets/status
  create,delete,patch,read,update core pods
  create,delete,patch,read,update apps controllerrevisions
  create,delete,read,update core persistentvolumeclaims
  update core pods/finalizers
  {EVENTS}
ttl-after-finished-controller
  delete,read batch jobs
  {EVENTS}
ttl-controller
  list,patch,update,watch core nodes
  {EVENTS}
certificate-controller
  delete,read certificates certificatesigningrequests
  update certificates certificatesigningrequests/approval,certificatesigningrequests/status
  approve certificates signers =kubernetes.io/kube-apiserver-client-kubelet
  sign certificates signers =kubernetes.io/kube-apiserver-client,kubernetes.io/kube-apiserver-client-kubelet,kubernetes.io/kubelet-serving,\
kubernetes.io/legacy-unknown
  create authorization subjectaccessreviews
  {EVENTS}
validatingadmissionpolicy-status-controller
  read admissionregistration validatingadmissionpolicies
  get,patch,update admissionregistration validatingadmissionpolicies/status
  {EVENTS}
volumeattributesclass-protection-controller
  read core persistentvolumeclaims,persistentvolumes
  read,update storage volumeattributesclasses
  {EVENTS}
legacy-service-account-token-cleaner
  get core configmaps =kube-apiserver-legacy-service-account-token-tracking
  delete,patch core secrets
"""

# By namespace.
ROLES = {
    "kube-system": f"""
extension-apiserver-authentication-reader
  read core configmaps =extension-apiserver-authentication
system:controller:bootstrap-signer
  read core secrets
system:controller:cloud-provider
  create,read core configmaps
system:controller:token-cleaner
  delete,read core secrets
  {EVENTS}
system::leader-locking-kube-controller-manager
  watch core configmaps
  get,update core configmaps =kube-controller-manager
system::leader-locking-kube-scheduler
  watch core configmaps
  get,update core configmaps =kube-scheduler
picokube:node-settings
  get core configmaps =picokube-node
""",
    "kube-public": f"""
system:controller:bootstrap-signer
  read core configmaps
  update core configmaps =cluster-info
  {EVENTS}
picokube:cluster-info
  get core configmaps =cluster-info
"""}

# A binding's line: its role (and its name, where that is another), then users, groups (`%`) and ServiceAccounts of kube-system (`@`).
# Those of picokube: are what kubeadm and a network add-on would make: nodes know of each other, and join by bootstrap tokens.
CLUSTER_BINDINGS = """
cluster-admin %system:masters
system:discovery %system:authenticated
system:public-info-viewer %system:authenticated %system:unauthenticated
system:monitoring %system:monitoring
system:basic-user %system:authenticated
system:service-account-issuer-discovery %system:serviceaccounts
system:node
system:node-proxier system:kube-proxy
system:node-proxier=picokube:node-network %system:nodes
system:node-bootstrapper=picokube:kubelet-bootstrap %system:bootstrappers
system:certificates.k8s.io:certificatesigningrequests:nodeclient=picokube:node-autoapprove-bootstrap %system:bootstrappers
system:certificates.k8s.io:certificatesigningrequests:selfnodeclient=picokube:node-autoapprove-certificate-rotation %system:nodes
system:certificates.k8s.io:kubelet-serving-approver=picokube:kubelet-serving-approver system:kube-controller-manager @certificate-controller
system:kube-controller-manager system:kube-controller-manager
system:kube-dns @kube-dns
system:kube-scheduler system:kube-scheduler
system:volume-scheduler system:kube-scheduler
"""
BINDINGS = {
    "kube-system": """
extension-apiserver-authentication-reader=system::extension-apiserver-authentication-reader system:kube-controller-manager system:kube-scheduler
system::leader-locking-kube-controller-manager system:kube-controller-manager @kube-controller-manager
system::leader-locking-kube-scheduler system:kube-scheduler @kube-scheduler
system:controller:bootstrap-signer @bootstrap-signer
system:controller:cloud-provider @cloud-provider
system:controller:token-cleaner @token-cleaner
picokube:node-settings %system:bootstrappers
""",
    "kube-public": """
system:controller:bootstrap-signer @bootstrap-signer
picokube:cluster-info system:anonymous
"""}

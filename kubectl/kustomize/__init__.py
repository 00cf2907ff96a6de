"""kustomize's build, as `kubectl kustomize` and `-k` run it: resources in, transformed resources out."""

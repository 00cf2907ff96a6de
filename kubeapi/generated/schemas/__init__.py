"""Facts of every built-in type as constants, read by kubeapi.schemas; generated."""

"""Where bytes live: the Storage contract, etcd and memory behind it, and the compare-and-swap loop over it."""

"""The loop everybody uses: Reflector -> Indexer -> Informer -> WorkQueue -> Controller -> Reconciler.reconcile(key) -> Result."""

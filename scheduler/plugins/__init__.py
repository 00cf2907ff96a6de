"""The in-tree plugins, one per file; `scheduler.profile` says which run."""

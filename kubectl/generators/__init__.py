"""The documents that `kubectl create KIND` makes from flags: one function per kind, (session, arguments) -> document."""

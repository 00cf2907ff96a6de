"""What `kubectl describe` says, by kind."""

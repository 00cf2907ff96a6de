"""What each kind does beyond its shape: a Strategy and columns, one module a kind, imported when the kind is first used."""

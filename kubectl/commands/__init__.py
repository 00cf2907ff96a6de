"""One module a command; it is imported when the command is used."""

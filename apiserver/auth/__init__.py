"""Who is asking: client certificates and static tokens; without either only what is open to everybody."""

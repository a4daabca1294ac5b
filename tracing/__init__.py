"""What a message means: protocols, identity, keys and the store."""

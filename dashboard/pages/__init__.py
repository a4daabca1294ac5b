"""One module a page: each turns rows into components and knows nothing of HTTP, sessions or the store."""

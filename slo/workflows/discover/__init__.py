"""Discovery: which workflow traffic itself follows, and where traffic leaves the one that is written down."""

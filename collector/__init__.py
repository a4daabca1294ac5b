"""Everything that brings data in: taps, the OTLP receiver and the write-ahead log."""

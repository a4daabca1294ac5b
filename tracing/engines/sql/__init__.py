"""The questions asked of engine_gauges, one `.sql` file each."""
